//! The values of `If-Match` and `If-None-Match` (RFC 9110, 8.8.3), as text. What they mean for a request is `etag`'s.

/// What one header value asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tags {
    /// `*`
    Any,
    /// One tag or more.
    List(Vec<Tag>),
}

/// One entity tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    /// Whether it begins with `W/`.
    pub(crate) is_weak: bool,
    opaque: String,
}

impl Tags {
    /// Reads one header value; our own tags hold no comma, so those of others may be cut at one: they match nothing
    /// anyway.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        if value.trim() == "*" {
            return Some(Self::Any);
        }
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        let tags = parts.map(Tag::parse).collect::<Option<Vec<_>>>()?;
        (!tags.is_empty()).then_some(Self::List(tags))
    }
}

impl Tag {
    fn parse(text: &str) -> Option<Self> {
        let (is_weak, text) = text.strip_prefix("W/").map_or((false, text), |rest| (true, rest));
        let opaque = text.strip_prefix('"')?.strip_suffix('"')?;
        (!opaque.contains('"')).then(|| Self { is_weak, opaque: opaque.to_owned() })
    }

    /// The version it stands for, if it is one of ours.
    pub(crate) fn version(&self) -> Option<u64> {
        let version = self.opaque.strip_prefix('v')?.parse().ok()?;
        // `v+3` and `v03` are numbers, too, but not tags that this server makes.
        (self.opaque == format!("v{version}")).then_some(version)
    }
}
