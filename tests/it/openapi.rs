//! `/openapi.json` and `/docs`: the document and the server agree, and the page needs nobody else.

use crate::support::TestApp;

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

#[actix_web::test]
async fn every_documented_operation_is_answered_by_a_route() {
    let app = TestApp::spawn().await;
    let answer = app.client.get("/openapi.json").await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."), "{}", document["openapi"]);
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 20, "{:?}", paths.keys());
    let mut undocumented = Vec::new();
    for (path, operations) in paths {
        let uri = path.replace("{id}", "01JD9X8Z6Q4W7E2R5T1Y3V0P8A").replace("{handle}", "ada");
        let uri = uri.replace("{email}", "ada@example.org");
        for (method, operation) in operations.as_object().unwrap() {
            let answer = app.client.call(&method.to_uppercase(), &uri).await;
            let status = answer.status.as_u16();
            assert!(!matches!(status, 404 | 405 | 500..), "{method} {path}: {answer:?}");
            let is_guarded = operation["security"].as_array().is_some_and(|needs| needs[0]["bearer"].is_array());
            assert_eq!(is_guarded, status == 401, "{method} {path}: {answer:?}");
            if operation["responses"][status.to_string()].is_null() {
                undocumented.push(format!("{method} {path}: {status}"));
            }
        }
        for method in METHODS.iter().filter(|method| !operations.as_object().unwrap().contains_key(**method)) {
            let answer = app.client.call(&method.to_uppercase(), &uri).await;
            let problem = answer.expect_problem(405, "method_not_allowed");
            assert!(problem["errors"].is_null(), "{problem}");
        }
    }
    assert!(undocumented.is_empty(), "answers that the document does not know: {undocumented:#?}");
}

#[actix_web::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let app = TestApp::spawn().await;
    let document = app.client.get("/openapi.json").await.expect(200).json();
    let text = document.to_string();
    let references: Vec<&str> = text.split("\"$ref\":\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(!references.is_empty());
    for reference in references {
        let target = document.pointer(reference.strip_prefix('#').unwrap());
        assert!(target.is_some(), "{reference} leads nowhere");
    }
}

#[actix_web::test]
async fn the_docs_page_loads_everything_from_this_server() {
    let app = TestApp::spawn().await;
    let page = app.client.get("/docs").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("http"), "{policy}");
    let mut loaded = 0;
    for attribute in ["src=\"", "href=\""] {
        for rest in page.text.split(attribute).skip(1) {
            let address = rest.split('"').next().unwrap();
            assert!(!address.contains("//"), "{address} is elsewhere");
            let file = address.trim_start_matches("./").trim_start_matches("/docs/");
            app.client.get(&format!("/docs/{file}")).await.expect(200);
            loaded += 1;
        }
    }
    assert!(loaded >= 3, "{}", page.text);
    let script = app.client.get("/docs/swagger-initializer.js").await.expect(200).text;
    assert!(script.contains("/openapi.json") && !script.contains("https://"), "{script}");
    app.client.get("/docs/nothing.js").await.expect(404);
}
