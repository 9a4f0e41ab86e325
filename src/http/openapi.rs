//! The OpenAPI document at `/openapi.json`, made from the handlers' own annotations, and the page at `/docs` that
//! shows it. The page is part of the binary and loads nothing from elsewhere.

use std::future::{Ready, ready};

use actix_web::{
    HttpResponse,
    dev::HttpServiceFactory,
    http::header,
    middleware::DefaultHeaders,
    web::{self, Bytes, Data},
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        RefOr, Schema,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::{
    headers::{KEPT_BY_THE_READER, kept_by_the_reader},
    operations::Operations,
    problem::{FieldError, ProblemBody},
};
use crate::actors::monitor::Frame;

/// What the page may load: itself.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// What the document says besides the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Broadsheet",
        description = "Publish once; feeds, search, mail, moderation and statistics follow by themselves. \
            Errors are `application/problem+json` with a stable `code` and the `request_id`."
    ),
    components(schemas(ProblemBody, FieldError, Frame)),
    modifiers(&Bearer),
    tags(
        (name = "identity", description = "Sign up, confirm, sign in"),
        (name = "posts", description = "Publish and read"),
        (name = "moderation", description = "What people decide about posts"),
        (name = "authors", description = "Whom to read"),
        (name = "follows", description = "Who reads whom"),
        (name = "feed", description = "What is new from those one follows"),
        (name = "search", description = "Find posts"),
        (name = "me", description = "One's own account"),
        (name = "operation", description = "Is it up?"),
        (name = "admin", description = "For operators: what goes on, what went wrong, and what to do about it"),
    )
)]
struct General;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = openapi.components.get_or_insert_with(Default::default);
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The operators' figures: every property has a default, for readers of another version. The server does not use them: it leaves
/// out nothing but [`LEFT_OUT`], so the document says so.
struct Figures;

/// What figures leave out if there is nothing to say.
const LEFT_OUT: [&str; 2] = ["last_error", "oldest_at"];

impl Modify for Figures {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let schemas = openapi.components.iter_mut().flat_map(|components| components.schemas.values_mut());
        for schema in schemas {
            let RefOr::T(Schema::Object(figures)) = schema else { continue };
            let has_default =
                |property: &mut RefOr<Schema>| default_of(property).is_some_and(|default| default.is_some());
            if figures.properties.is_empty() || !figures.properties.values_mut().all(has_default) {
                continue;
            }
            figures.properties.values_mut().filter_map(default_of).for_each(|default| *default = None);
            let names = figures.properties.keys().filter(|name| !LEFT_OUT.contains(&name.as_str()));
            figures.required = names.cloned().collect();
        }
    }
}

fn default_of(property: &mut RefOr<Schema>) -> Option<&mut Option<serde_json::Value>> {
    match property {
        RefOr::Ref(reference) => Some(&mut reference.default),
        RefOr::T(Schema::Array(array)) => Some(&mut array.default),
        RefOr::T(Schema::Object(object)) => Some(&mut object.default),
        RefOr::T(Schema::OneOf(one)) => Some(&mut one.default),
        RefOr::T(_) => None,
    }
}

/// The document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = General::openapi();
    document.merge(Operations::openapi());
    Figures.modify(&mut document);
    document
}

/// The document as it is served: written once per server thread.
pub struct Document(Bytes);

impl Document {
    /// For `app_data`.
    #[must_use]
    pub fn data() -> Data<Self> {
        Data::new(Self(Bytes::from(serde_json::to_vec(&document()).unwrap_or_default())))
    }
}

/// Answers the document.
pub fn openapi_json(document: Data<Document>) -> Ready<HttpResponse> {
    let answer = HttpResponse::Ok().content_type("application/json").body(document.get_ref().0.clone());
    ready(kept_by_the_reader(answer))
}

/// The readable page: `/docs/`, and `/docs` for those who leave the slash out.
pub fn docs() -> impl HttpServiceFactory + 'static {
    let settings = Config::new(["/openapi.json"]).validator_url("none");
    web::scope("/docs")
        .wrap(DefaultHeaders::new().add((header::CONTENT_SECURITY_POLICY, DOCS_POLICY)).add(KEPT_BY_THE_READER))
        .route("", web::get().to(to_docs))
        .service(SwaggerUi::new("/{_:.*}").config(settings))
}

fn to_docs() -> Ready<HttpResponse> {
    ready(HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish())
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        test::{TestRequest, call_and_read_body, call_service, init_service},
    };

    use super::*;

    #[test]
    fn every_problem_and_the_token_are_described() {
        let document = serde_json::to_value(document()).unwrap();
        assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
        assert!(document["components"]["schemas"]["Problem"]["properties"]["request_id"].is_object());
        let operations =
            document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
        for operation in operations {
            assert!(operation["summary"].is_string(), "{operation} has no summary");
        }
    }

    #[test]
    fn figures_are_documented_as_the_server_writes_them() {
        let document = serde_json::to_value(document()).unwrap();
        let schemas = &document["components"]["schemas"];
        for name in ["Overview", "Node", "Fill", "EventLog", "WorkerCursor", "Percentiles", "Runs", "WatchedCause"] {
            let properties = schemas[name]["properties"].as_object().unwrap();
            assert_eq!(schemas[name]["required"].as_array().unwrap().len(), properties.len(), "{name}");
            assert!(properties.values().all(|property| property.get("default").is_none()), "{name}");
        }
        for (name, left_out) in [("Worker", "last_error"), ("Waiting", "oldest_at")] {
            let required = schemas[name]["required"].as_array().unwrap();
            assert_eq!(required.len() + 1, schemas[name]["properties"].as_object().unwrap().len(), "{name}");
            assert!(!required.contains(&left_out.into()), "{name}");
        }
    }

    #[actix_web::test]
    async fn the_page_works_with_and_without_the_slash() {
        let app = init_service(App::new().service(docs())).await;
        let response = call_service(&app, TestRequest::get().uri("/docs").to_request()).await;
        assert_eq!(response.headers().get("location").unwrap(), "/docs/");
        let page = call_and_read_body(&app, TestRequest::get().uri("/docs/").to_request()).await;
        assert!(String::from_utf8_lossy(&page).contains("swagger-ui"));
        let script = TestRequest::get().uri("/docs/swagger-initializer.js").to_request();
        assert!(String::from_utf8_lossy(&call_and_read_body(&app, script).await).contains("/openapi.json"));
    }
}
