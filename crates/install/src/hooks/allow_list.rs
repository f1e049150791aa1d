//! Which providers may install a program.

/// Whether an allow-list such as `env,pip` names a provider; `*` and an empty list name all.
#[must_use]
pub fn allows(allow_list: &str, provider: &str) -> bool {
    let mut names = allow_list
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let Some(first) = names.next() else {
        return true;
    };
    std::iter::once(first)
        .chain(names)
        .any(|name| name == "*" || name == provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_providers_and_a_star_or_nothing_all() {
        for (list, allowed) in [
            ("", true),
            ("*", true),
            (" , ", true),
            ("env,pip", true),
            ("env , pip ", true),
            ("env,*", true),
            ("env", false),
            ("pipx", false),
        ] {
            assert_eq!(allows(list, "pip"), allowed, "{list:?}");
        }
    }
}
