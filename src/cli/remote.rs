//! What all commands that talk to a running server have in common: its address, the HTTP client, and the reasons of
//! failures. Requests and the meaning of responses belong to the commands.

use std::{error::Error, net::IpAddr};

use reqwest::{Client, ClientBuilder, redirect};
use serde::Deserialize;
use url::{Host, Url};

/// Parses the URL of a server, with or without a path and a slash at the end; `None` if it is invalid.
pub(super) fn base(url: &str) -> Option<Url> {
    let mut address = Url::parse(url).ok()?;
    let has_credentials = !address.username().is_empty() || address.password().is_some();
    if !matches!(address.scheme(), "http" | "https") || !address.has_host() || has_credentials {
        return None;
    }
    address.set_query(None);
    address.set_fragment(None);
    Some(address)
}

/// The URL of a resource on the server at `base`; each part of the path is escaped.
pub(super) fn below(base: &Url, path: &[&str]) -> Url {
    let mut address = base.clone();
    // A URL with a host has a path.
    if let Ok(mut segments) = address.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    address
}

/// A client for the server at `base`, without time limits yet.
pub(super) fn client(base: &Url) -> ClientBuilder {
    // A redirected POST would become a GET, and any page would look like a success.
    let client = Client::builder()
        .user_agent(concat!("broadsheet/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .http1_only();
    // A proxy does not know this machine by these names.
    let client = if is_loopback(base) { client.no_proxy() } else { client };
    // No certificate will be checked, so a machine without any must not cause a failure.
    if base.scheme() == "http" { client.tls_certs_only(std::iter::empty()) } else { client }
}

/// Whether a URL refers to this machine.
pub(super) fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        None => false,
    }
}

/// The innermost cause: `connection refused` rather than `error sending request`.
pub(super) fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no response in time".to_owned();
    }
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Servers' messages may contain characters that must not reach a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The parts of a problem (RFC 9457) that are used here.
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    /// The title, the same for every problem with this code.
    pub(super) title: String,
    /// The stable code for programs.
    pub(super) code: String,
    /// A sentence about this occurrence.
    pub(super) detail: Option<String>,
    /// The request's id in the server's log.
    pub(super) request_id: Option<String>,
    /// The errors of the input, field by field.
    #[serde(default)]
    pub(super) errors: Vec<FieldError>,
}

/// An error of one field.
#[derive(Debug, Deserialize)]
pub(super) struct FieldError {
    /// The field, dotted where it is nested.
    pub(super) field: String,
    /// A sentence for people.
    pub(super) message: String,
}

impl Problem {
    /// The problem as one sentence. After an internal error the server says little, but its log has the request's id.
    pub(super) fn sentence(&self) -> String {
        match (&self.detail, &self.request_id) {
            (Some(detail), _) => detail.clone(),
            (None, Some(id)) => format!("{} (request {id})", self.title),
            (None, None) => self.title.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_below_the_address_of_the_server() {
        for (url, address) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/posts"),
            ("https://example.org/", "https://example.org/v1/posts"),
            ("https://example.org/blog?x=1#y", "https://example.org/blog/v1/posts"),
            ("http://[::1]:80/blog/", "http://[::1]/blog/v1/posts"),
        ] {
            assert_eq!(below(&base(url).unwrap(), &["v1", "posts"]).as_str(), address);
        }
        for url in ["", "127.0.0.1:8080", "localhost:8080", "ftp://example.org", "file:///etc", "http://u:p@host"] {
            assert_eq!(base(url), None, "{url}");
        }
    }

    #[test]
    fn a_part_of_a_path_stays_one_part() {
        let address = below(&base("http://h").unwrap(), &["v1", "a/b?c=d#e"]);
        assert_eq!(address.as_str(), "http://h/v1/a%2Fb%3Fc=d%23e");
    }

    #[test]
    fn this_machine_has_a_few_names() {
        for (url, is_here) in [
            ("http://localhost:1", true),
            ("http://127.0.0.9", true),
            ("http://[::1]", true),
            ("http://10.0.0.1", false),
            ("http://example.org", false),
        ] {
            assert_eq!(is_loopback(&base(url).unwrap()), is_here, "{url}");
        }
    }

    #[test]
    fn a_terminal_is_sent_no_control_characters() {
        assert_eq!(printable("a\u{1b}[2J\nb"), "a\u{fffd}[2J\u{fffd}b");
    }
}
