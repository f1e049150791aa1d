//! Which options package managers are given.
//!
//! Those that choose among packages or versions, or say how much is told. None that names a place,
//! another source, a program or a setting: those could have anything run or written anywhere. They
//! are known by their whole names alone, as managers take beginnings of their options too.

const APT: &[&str] = &[
    "allow-change-held-packages",
    "allow-downgrades",
    "assume-yes",
    "default-release",
    "fix-broken",
    "fix-missing",
    "install-recommends",
    "install-suggests",
    "no-install-recommends",
    "no-install-suggests",
    "no-remove",
    "no-upgrade",
    "only-upgrade",
    "quiet",
    "reinstall",
    "target-release",
    "yes",
];

const BREW: &[&str] = &[
    "HEAD",
    "adopt",
    "build-from-source",
    "cask",
    "force",
    "force-bottle",
    "formula",
    "ignore-dependencies",
    "only-dependencies",
    "overwrite",
    "quiet",
    "skip-post-install",
    "verbose",
];

const CARGO: &[&str] = &[
    "all-features",
    "bin",
    "bins",
    "debug",
    "features",
    "force",
    "frozen",
    "ignore-rust-version",
    "jobs",
    "locked",
    "no-confirm",
    "no-default-features",
    "no-track",
    "offline",
    "only-signed",
    "profile",
    "quiet",
    "rate-limit",
    "strategies",
    "disable-strategies",
    "target",
    "targets",
    "verbose",
    "version",
];

const NPM: &[&str] = &[
    "cpu",
    "engine-strict",
    "force",
    "ignore-scripts",
    "include",
    "install-strategy",
    "legacy-peer-deps",
    "libc",
    "loglevel",
    "no-audit",
    "no-bin-links",
    "no-engine-strict",
    "no-fund",
    "no-optional",
    "no-package-lock",
    "no-progress",
    "no-save",
    "offline",
    "omit",
    "os",
    "prefer-offline",
    "prefer-online",
    "quiet",
    "save-exact",
    "silent",
    "strict-peer-deps",
    "tag",
    "verbose",
];

/// Those of pip, and those of uv that mean the same.
const PIP: &[&str] = &[
    "abi",
    "compile",
    "compile-bytecode",
    "force-reinstall",
    "ignore-installed",
    "ignore-requires-python",
    "implementation",
    "no-binary",
    "no-build-isolation",
    "no-cache",
    "no-cache-dir",
    "no-color",
    "no-compile",
    "no-deps",
    "no-warn-conflicts",
    "no-warn-script-location",
    "only-binary",
    "platform",
    "pre",
    "prefer-binary",
    "prerelease",
    "python-version",
    "quiet",
    "reinstall",
    "resolution",
    "retries",
    "timeout",
    "upgrade",
    "upgrade-strategy",
    "use-pep517",
    "verbose",
];

/// Whether a package manager may be given a long option, without its dashes. What a plugin's hook is
/// told is the hook's own affair.
pub(crate) fn is_allowed(provider: &str, option: &str) -> bool {
    let name = option.split('=').next().unwrap_or(option);
    let allowed = match provider {
        "apt" => APT,
        "brew" => BREW,
        "cargo" => CARGO,
        "npm" => NPM,
        "pip" => PIP,
        _ => return true,
    };
    allowed.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Options that set whatever there is, name a place, another source or a program.
    const REFUSED: [(&str, &[&str]); 5] = [
        ("apt", &["option", "config-file"]),
        ("brew", &["appdir", "fontdir", "cc"]),
        (
            "cargo",
            &[
                "config",
                "root",
                "target-dir",
                "git",
                "path",
                "registry",
                "index",
            ],
        ),
        (
            "npm",
            &[
                "script-shell",
                "node-options",
                "userconfig",
                "globalconfig",
                "prefix",
                "global",
                "location",
                "registry",
                "git",
                "cache",
            ],
        ),
        (
            "pip",
            &[
                "python",
                "target",
                "prefix",
                "root",
                "config-settings",
                "global-option",
                "index-url",
                "extra-index-url",
                "find-links",
                "trusted-host",
                "requirement",
                "constraint",
                "editable",
                "src",
                "cert",
                "proxy",
                "log",
                "report",
            ],
        ),
    ];

    #[test]
    fn what_could_set_anything_is_refused_and_so_is_every_beginning_of_it() {
        for (provider, options) in REFUSED {
            for option in options {
                for length in 1..=option.len() {
                    let beginning = &option[..length];
                    // A few are whole names of other options, which come first.
                    if [("pip", "pre"), ("cargo", "target")].contains(&(provider, beginning)) {
                        continue;
                    }
                    for given in [beginning.to_owned(), format!("{beginning}=x")] {
                        assert!(!is_allowed(provider, &given), "{provider} {given}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_chooses_among_packages_is_allowed() {
        for (provider, option) in [
            ("apt", "no-install-suggests"),
            ("brew", "cask"),
            ("cargo", "features=tls"),
            ("npm", "no-save"),
            ("pip", "no-deps"),
            ("pip", "pre"),
            ("chromewebstore", "whatever=it-likes"),
        ] {
            assert!(is_allowed(provider, option), "{provider} {option}");
        }
    }
}
