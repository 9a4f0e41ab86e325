//! What is shipped to run the server with: that it names settings, routes, ports, versions and times as they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use broadsheet::{
    actors::workers,
    config::{Config, Span},
};
use serde_json::Value;

use crate::support::TestApp;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// How long `serve` may take to close the database once it has drained.
const CLOSING: Duration = Duration::from_secs(5);

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file under `deploy` that has one of these endings, by its path in the repository; and the Dockerfile.
fn shipped(endings: &[&str]) -> BTreeMap<String, String> {
    let is_wanted = |path: &PathBuf| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending));
    let files = walkdir::WalkDir::new(Path::new(ROOT).join("deploy")).into_iter().map(Result::unwrap);
    let files = files.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
    let files = files.chain([Path::new(ROOT).join("Dockerfile")]).filter(is_wanted);
    files
        .map(|path| path.strip_prefix(ROOT).unwrap().display().to_string())
        .map(|path| (path.clone(), read(&path)))
        .collect()
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn duration(value: &Value) -> Duration {
    value.as_str().unwrap().parse::<Span>().unwrap().get()
}

/// All words of a text that begin like a variable of ours.
fn variables(text: &str) -> BTreeSet<&str> {
    let is_part = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    text.split(|letter| !is_part(letter)).filter(|word| word.starts_with("BROADSHEET__")).collect()
}

/// The pod of an overlay: its template's `spec`.
fn pod(path: &str) -> Value {
    yaml(path)["spec"]["template"]["spec"].clone()
}

const PODS: [&str; 2] = ["deploy/kubernetes/single/stateful-set.yaml", "deploy/kubernetes/cluster/deployment.yaml"];

#[test]
fn every_yaml_file_parses() {
    let files = shipped(&[".yaml", ".yml"]);
    assert!(files.len() >= 15, "{:?}", files.keys());
    for (path, text) in files {
        let documents = serde_saphyr::from_multiple::<Value>(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(documents.iter().all(|document| !document.is_null()), "{path}");
    }
}

#[test]
fn every_variable_that_is_named_is_one_of_the_manual() {
    let manual = read("config.toml");
    let known = variables(&manual);
    let mut named = 0;
    for (path, text) in shipped(&[""]) {
        for variable in variables(&text) {
            assert!(known.contains(variable), "{path} names {variable}, and config.toml does not");
            named += 1;
        }
    }
    assert!(named > 20, "only {named} variables are named under deploy");
}

#[test]
fn the_example_of_a_configuration_is_a_right_one() {
    let file = Path::new(ROOT).join("deploy/broadsheet.example.toml");
    let config = Config::load(Some(&file), std::iter::empty()).unwrap();
    config.check_workers(&workers::standard().names()).unwrap();
}

/// What a container is given: the image's variables, then those of a file that runs it.
#[test]
fn the_variables_that_are_set_make_a_right_configuration() {
    let compose = |path: &str, service: &str| yaml(path)["services"][service]["environment"].clone();
    let single = yaml("deploy/kubernetes/base/config-map.yaml")["data"].clone();
    let secret = yaml("deploy/kubernetes/examples/secret.yaml")["stringData"].clone();
    let cluster = yaml("deploy/kubernetes/cluster/config-map.patch.yaml")["data"].clone();
    let settings = [
        vec![compose("deploy/compose.yaml", "broadsheet")],
        vec![compose("deploy/compose.cluster.yaml", "node-a")],
        vec![single.clone(), secret.clone()],
        vec![single, secret, cluster],
    ];
    for layers in settings {
        let mut variables = BTreeMap::from(image_variables());
        for layer in &layers {
            for (name, value) in layer.as_object().unwrap_or_else(|| panic!("{layers:?}")) {
                variables
                    .insert(name.clone(), value.as_str().unwrap_or_else(|| panic!("{name} is no text")).to_owned());
            }
        }
        if variables.contains_key("BROADSHEET__DATABASE__URL") {
            variables.insert("BROADSHEET__DATABASE__USERNAME".to_owned(), "broadsheet".to_owned());
            variables.insert("BROADSHEET__DATABASE__PASSWORD".to_owned(), "secret".to_owned());
        }
        let config = Config::load(None, variables.into_iter()).unwrap();
        assert_eq!((config.http.listen.port(), config.data_dir), (8080, PathBuf::from("/data")));
    }
}

fn image_variables() -> [(String, String); 2] {
    let dockerfile = read("Dockerfile");
    ["BROADSHEET__DATA_DIR", "BROADSHEET__HTTP__LISTEN"].map(|name| {
        let rest = dockerfile.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("the image sets no {name}")).1;
        (name.to_owned(), rest.split_whitespace().next().unwrap().to_owned())
    })
}

#[test]
fn the_ports_agree() {
    let [_, (_, listen)] = image_variables();
    let http = listen.rsplit_once(':').unwrap().1.to_owned();
    let config_map = yaml("deploy/kubernetes/base/config-map.yaml");
    let metrics =
        config_map["data"]["BROADSHEET__METRICS__LISTEN"].as_str().unwrap().rsplit_once(':').unwrap().1.to_owned();
    assert!(read("Dockerfile").contains(&format!("EXPOSE {http} {metrics}\n")));
    let compose = yaml("deploy/compose.yaml")["services"]["broadsheet"].clone();
    assert_eq!(compose["ports"][0], format!("127.0.0.1:{http}:{http}"));
    assert_eq!(compose["ports"][1], format!("127.0.0.1:{metrics}:{metrics}"));
    assert_eq!(compose["environment"]["BROADSHEET__METRICS__LISTEN"], format!("0.0.0.0:{metrics}"));
    for path in PODS {
        let ports = pod(path)["containers"][0]["ports"].clone();
        assert_eq!(ports[0]["containerPort"].to_string(), http, "{path}");
        assert_eq!(ports[1]["containerPort"].to_string(), metrics, "{path}");
    }
    assert_eq!(read("deploy/nginx.conf").matches(&format!(":{http} max_fails")).count(), 2);
}

#[test]
fn the_versions_agree() {
    let manifest: toml::Table = toml::from_str(&read("Cargo.toml")).unwrap();
    let package = manifest["package"].as_table().unwrap();
    let (version, rust) = (package["version"].as_str().unwrap(), package["rust-version"].as_str().unwrap());
    let surrealdb = manifest["dependencies"]["surrealdb"]["version"].as_str().unwrap().trim_start_matches('=');
    let dockerfile = read("Dockerfile");
    assert!(dockerfile.contains(&format!("FROM rust:{rust}-bookworm AS build\n")));
    assert!(dockerfile.contains(&format!("image.version=\"{version}\"")));
    let cluster = yaml("deploy/compose.cluster.yaml")["services"].clone();
    assert_eq!(cluster["database"]["image"], format!("surrealdb/surrealdb:v{surrealdb}"));
    assert_eq!(cluster["node-a"]["image"], format!("broadsheet:{version}"));
    assert_eq!(yaml("deploy/compose.yaml")["services"]["broadsheet"]["image"], format!("broadsheet:{version}"));
    for overlay in ["single", "cluster"] {
        let path = format!("deploy/kubernetes/{overlay}/kustomization.yaml");
        assert_eq!(yaml(&path)["images"][0]["newTag"], version, "{path}");
        assert!(
            !read(&path).contains("SurrealDB ") || read(&path).contains(&format!("SurrealDB {surrealdb} ")),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn the_probes_ask_for_routes_that_exist() {
    let app = TestApp::spawn().await;
    for path in PODS {
        let container = pod(path)["containers"][0].clone();
        for (probe, expected) in
            [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
        {
            let get = &container[probe]["httpGet"];
            assert_eq!((&get["path"], &get["port"]), (&Value::from(expected), &Value::from("http")), "{path} {probe}");
            app.client.get(expected).await.expect(200);
        }
    }
}

#[test]
fn everybody_waits_until_the_server_has_drained() {
    let needed = Config::default().shutdown.grace.get() + CLOSING;
    for (path, service) in [
        ("deploy/compose.yaml", "broadsheet"),
        ("deploy/compose.cluster.yaml", "node-a"),
        ("deploy/compose.cluster.yaml", "node-b"),
    ] {
        let grace = duration(&yaml(path)["services"][service]["stop_grace_period"]);
        assert!(grace > needed, "{path} {service}: {grace:?}");
    }
    for path in PODS {
        let pod = pod(path);
        let sleep = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
        let grace = Duration::from_secs(pod["terminationGracePeriodSeconds"].as_u64().unwrap());
        assert!(grace > needed + Duration::from_secs(sleep), "{path}: {grace:?}");
    }
    let unit = read("deploy/systemd/broadsheet.service");
    let timeout = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
    assert!(Duration::from_secs(timeout.parse().unwrap()) > needed, "{timeout}");
    assert!(unit.contains("\nRestartPreventExitStatus=78\n"), "a wrong configuration ends with 78");
}

#[test]
fn nothing_runs_with_more_rights_than_it_needs() {
    let mut services = 0;
    for path in ["deploy/compose.yaml", "deploy/compose.cluster.yaml"] {
        for (name, service) in yaml(path)["services"].as_object().unwrap() {
            assert_eq!(service["read_only"], true, "{path} {name}");
            assert_eq!(service["cap_drop"][0], "ALL", "{path} {name}");
            assert_eq!(service["security_opt"][0], "no-new-privileges:true", "{path} {name}");
            services += 1;
        }
    }
    assert_eq!(services, 6);
    for path in PODS {
        let pod = pod(path);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{path}");
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{path}");
        let own = &pod["containers"][0]["securityContext"];
        assert_eq!(own["readOnlyRootFilesystem"], true, "{path}");
        assert_eq!(own["allowPrivilegeEscalation"], false, "{path}");
        assert_eq!(own["capabilities"]["drop"][0], "ALL", "{path}");
        assert_eq!(pod["automountServiceAccountToken"], false, "{path}");
    }
    let dockerfile = read("Dockerfile");
    let user = dockerfile.lines().find_map(|line| line.strip_prefix("USER ")).unwrap();
    assert_eq!(user, "10001:10001");
    assert_eq!(pod(PODS[0])["securityContext"]["runAsUser"], 10001);
}

/// The anchors that a Markdown file's headings have.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let headings = markdown.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        text.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')).collect()
    };
    headings.map(anchor).collect()
}

/// What follows a mark in a text, as far as it looks like a path with an anchor.
fn links<'a>(text: &'a str, mark: &str) -> Vec<&'a str> {
    let is_end = |letter: char| !letter.is_ascii_alphanumeric() && !"/.#-_".contains(letter);
    let ends = text.match_indices(mark).map(|(at, _)| &text[at..]);
    ends.map(|rest| {
        rest[..rest[mark.len()..].find(is_end).map_or(rest.len(), |end| mark.len() + end)].trim_end_matches('.')
    })
    .collect()
}

#[test]
fn every_document_that_is_pointed_at_has_the_place() {
    let mut pointed = Vec::new();
    for (path, text) in shipped(&[".yaml", ".yml", ".conf", ".service", ".toml", "Dockerfile"]) {
        pointed.extend(links(&text, "docs/").into_iter().map(|link| (path.clone(), link.to_owned())));
    }
    let page = read("docs/deploy.md");
    for link in links(&page, "](../") {
        pointed.push(("docs/deploy.md".to_owned(), link.trim_start_matches("](../").to_owned()));
    }
    assert!(pointed.len() >= 6, "{pointed:?}");
    for (path, link) in pointed {
        let (document, anchor) = link.split_once('#').unwrap_or((&link, ""));
        assert!(anchor.is_empty() || anchors(&read(document)).contains(anchor), "{path} points at {link}");
        assert!(Path::new(ROOT).join(document).exists(), "{path} points at {link}");
    }
}
