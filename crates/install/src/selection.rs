//! Which providers may serve a request, and in which order.

use crate::BinaryProvider;
use crate::providers::{Apt, Bash, Brew, Cargo, Env, Npm, Pip};

/// All providers that there are.
pub struct Providers {
    /// Those of ours, and those of programs that use this library.
    known: Vec<Box<dyn BinaryProvider>>,
    /// Those that come after all of them have failed, in their own order.
    last: Vec<Box<dyn BinaryProvider>>,
}

impl Default for Providers {
    fn default() -> Self {
        Self::built_in()
    }
}

impl Providers {
    /// The built-in ones, in the order in which they are tried when a request allows any.
    #[must_use]
    pub fn built_in() -> Self {
        let known: Vec<Box<dyn BinaryProvider>> = vec![
            Box::new(Env),
            Box::new(Npm),
            Box::new(Pip),
            Box::new(Brew),
            Box::new(Cargo),
            Box::new(Apt),
            Box::new(Bash),
        ];
        let last = Vec::new();
        Self { known, last }
    }

    /// None yet.
    #[must_use]
    pub fn none() -> Self {
        Self {
            known: Vec::new(),
            last: Vec::new(),
        }
    }

    /// Adds one that is tried in its turn: where the allow-list names it, or after the others.
    pub fn add(&mut self, provider: Box<dyn BinaryProvider>) {
        self.known.push(provider);
    }

    /// Adds one that is tried after all of [`add`](Self::add)'s and the built-in ones have failed.
    pub fn add_last(&mut self, provider: Box<dyn BinaryProvider>) {
        self.last.push(provider);
    }

    /// Those that an allow-list such as `env,pip` allows, in the order of the list. `*` stands for
    /// all that are not named, and so does an empty list.
    #[must_use]
    pub fn allowed<'a>(&'a self, allow_list: &'a str) -> Vec<Allowed<'a>> {
        let mut names: Vec<&str> = names(allow_list).collect();
        if names.is_empty() {
            names.push(ANY);
        }
        let mut allowed: Vec<Allowed<'a>> = Vec::new();
        for name in &names {
            let fits = |it: &&dyn BinaryProvider| match *name {
                ANY => it.name() != UNASKED,
                name => it.name() == name,
            };
            let known = self.known.iter().map(|it| &**it);
            let new: Vec<_> = known
                .filter(fits)
                .filter(|it| !allowed.iter().any(|known| known.name() == it.name()))
                .map(Allowed::Provider)
                .collect();
            let is_new = !allowed.iter().any(|it| it.name() == *name);
            let known_last = self.last.iter().any(|it| it.name() == *name);
            if new.is_empty() && is_new && !known_last && *name != ANY {
                allowed.push(Allowed::Unknown(name));
            }
            allowed.extend(new);
        }
        let last = self.last.iter().map(|it| &**it);
        let named = |it: &&dyn BinaryProvider| names.contains(&ANY) || names.contains(&it.name());
        allowed.extend(last.filter(named).map(Allowed::Provider));
        allowed
    }
}

/// All providers.
const ANY: &str = "*";
/// Tried only when it is named: it does what it is told, whatever that is.
const UNASKED: &str = Bash::NAME;

/// What an entry of an allow-list stands for.
#[derive(Clone, Copy)]
pub enum Allowed<'a> {
    /// A provider.
    Provider(&'a dyn BinaryProvider),
    /// Nothing that there is.
    Unknown(&'a str),
}

impl<'a> Allowed<'a> {
    /// The name in the list.
    #[must_use]
    pub fn name(&self) -> &'a str {
        match self {
            Self::Provider(provider) => provider.name(),
            Self::Unknown(name) => name,
        }
    }
}

fn names(allow_list: &str) -> impl Iterator<Item = &str> {
    allow_list
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Found, Request, Runner, Unsuccessful};

    struct Named(&'static str);

    impl BinaryProvider for Named {
        fn name(&self) -> &str {
            self.0
        }

        fn install(&self, _: &Request<'_>, _: &dyn Runner) -> Result<Found, Unsuccessful> {
            Err(Unsuccessful::skipped("a test"))
        }
    }

    fn allowed(providers: &Providers, list: &str) -> Vec<String> {
        let name = |it: &Allowed<'_>| match it {
            Allowed::Provider(provider) => provider.name().to_owned(),
            Allowed::Unknown(name) => format!("{name}?"),
        };
        providers.allowed(list).iter().map(name).collect()
    }

    #[test]
    fn the_order_is_that_of_the_list() {
        let providers = Providers::built_in();
        let all = ["env", "npm", "pip", "brew", "cargo", "apt"];
        for list in ["", "*", " , "] {
            assert_eq!(allowed(&providers, list), all, "{list:?}");
        }
        assert_eq!(allowed(&providers, "pip, env,pip"), ["pip", "env"]);
        assert_eq!(allowed(&providers, "bash,nix"), ["bash", "nix?"]);
        let first = ["apt", "env", "npm", "pip", "brew", "cargo"];
        assert_eq!(allowed(&providers, "apt,*"), first);
    }

    #[test]
    fn others_come_after_ours_and_hooks_at_the_end() {
        let mut providers = Providers::built_in();
        providers.add_last(Box::new(Named("pip")));
        providers.add_last(Box::new(Named("chrome")));
        providers.add(Box::new(Named("nix")));
        assert_eq!(
            allowed(&providers, "chrome,pip,nix"),
            ["pip", "nix", "pip", "chrome"]
        );
        let all = [
            "env", "npm", "pip", "brew", "cargo", "apt", "nix", "pip", "chrome",
        ];
        assert_eq!(allowed(&providers, "*"), all);
        let mut hooks_only = Providers::none();
        hooks_only.add_last(Box::new(Named("pip")));
        assert_eq!(allowed(&hooks_only, "env,pip"), ["env?", "pip"]);
    }
}
