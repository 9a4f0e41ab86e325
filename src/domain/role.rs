//! Who may do what: roles belong to accounts, scopes to access tokens.

/// What an account may do beyond its own things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Writes, reads, follows.
    User,
    /// Judges posts.
    Moderator,
    /// Runs the workers.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// All roles, in the order they are listed.
    pub const ALL: [Self; 4] = [Self::User, Self::Moderator, Self::Operator, Self::Admin];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Moderator => "moderator",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

macro_rules! scopes {
    ($($name:ident = $word:literal),+ $(,)?) => {
        /// What an access token may be used for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Scope {
            $(#[doc = concat!("`", $word, "`")] $name,)+
        }

        impl Scope {
            /// All scopes, in the order they are listed in a token.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word in a token.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The scope of that name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|scope| scope.as_str() == text)
            }
        }
    };
}

scopes! {
    OpenId = "openid",
    Profile = "profile",
    Email = "email",
    OfflineAccess = "offline_access",
    PostsRead = "posts:read",
    PostsWrite = "posts:write",
    FeedRead = "feed:read",
    FollowsWrite = "follows:write",
    Moderation = "moderation",
    AdminRead = "admin:read",
    AdminWrite = "admin:write",
}

impl Scope {
    /// The scopes an account with these roles gets when it signs in with its password.
    #[must_use]
    pub fn granted_to(roles: &[Role]) -> Vec<Self> {
        let has = |role: Role| roles.contains(&role) || roles.contains(&Role::Admin);
        Self::ALL
            .iter()
            .copied()
            .filter(|scope| match scope {
                Self::Moderation => has(Role::Moderator),
                Self::AdminRead | Self::AdminWrite => has(Role::Operator),
                _ => true,
            })
            .collect()
    }
}
