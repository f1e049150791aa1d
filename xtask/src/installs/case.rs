//! What is installed.

/// A program, and who is to install it.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) providers: &'static str,
    /// The provider that succeeds in the end.
    pub(super) by: &'static str,
    /// What that needs.
    pub(super) tool: &'static str,
    /// Whether it takes minutes.
    pub(super) long: bool,
    /// Whether only root may.
    pub(super) root: bool,
}

pub(super) const fn case(name: &'static str, providers: &'static str, by: &'static str) -> Case {
    Case {
        name,
        providers,
        by,
        tool: by,
        long: false,
        root: false,
    }
}

/// All of them.
pub(super) const CASES: &[Case] = &[
    Case {
        tool: "git",
        ..case("git", "env", "env")
    },
    Case {
        tool: "python3",
        ..case("pycowsay", "env,pip", "pip")
    },
    case("cowsay", "npm", "npm"),
    Case {
        tool: "apt-get",
        root: true,
        ..case("tree", "apt", "apt")
    },
    Case {
        tool: "python3",
        long: true,
        ..case("yt-dlp", "pip", "pip")
    },
    Case {
        long: true,
        ..case("hexyl", "cargo", "cargo")
    },
];
