//! Permissions: accounts have roles, access tokens have scopes.

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Writes, reads, follows.
    User,
    /// Moderates posts.
    Moderator,
    /// Operates the workers.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// All roles, in the order they are listed.
    pub const ALL: [Self; 4] = [Self::User, Self::Moderator, Self::Operator, Self::Admin];

    /// The name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Moderator => "moderator",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role with that name.
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

            /// The name in a token.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The scope with that name.
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
    /// The scopes that an account with these roles gets when it signs in.
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
