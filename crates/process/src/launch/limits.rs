//! Resource limits as the kernel takes them (getrlimit(2)).

use hostledger_model::ResourceLimit;
use rustix::process::{Resource, Rlimit, getrlimit};

use super::InvalidLaunch;

const RESOURCES: &[(&str, Resource)] = &[
    ("as", Resource::As),
    ("core", Resource::Core),
    ("cpu", Resource::Cpu),
    ("data", Resource::Data),
    ("fsize", Resource::Fsize),
    ("memlock", Resource::Memlock),
    ("msgqueue", Resource::Msgqueue),
    ("nice", Resource::Nice),
    ("nofile", Resource::Nofile),
    ("nproc", Resource::Nproc),
    ("rss", Resource::Rss),
    ("rtprio", Resource::Rtprio),
    ("rttime", Resource::Rttime),
    ("sigpending", Resource::Sigpending),
    ("stack", Resource::Stack),
];

/// The kernel's form of a limit.
pub(super) fn for_kernel(limit: &ResourceLimit) -> Result<(Resource, Rlimit), InvalidLaunch> {
    let found = RESOURCES.iter().find(|(name, _)| *name == limit.name);
    let (_, resource) = found.ok_or_else(|| InvalidLaunch::UnknownLimit {
        name: limit.name.clone(),
    })?;
    let values = Rlimit {
        current: limit.soft,
        maximum: limit.hard,
    };
    Ok((*resource, values))
}

/// The limit that marks a process, if ours allows it.
pub(super) fn marking(tag: u64) -> Option<(Resource, Rlimit)> {
    let maximum = getrlimit(Resource::Locks).maximum;
    let current = Some(tag);
    let allowed = maximum.is_none_or(|maximum| tag <= maximum);
    allowed.then_some((Resource::Locks, Rlimit { current, maximum }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_of_the_model_is_known_to_the_kernel() {
        for name in ResourceLimit::NAMES {
            let limit: ResourceLimit = format!("{name}=1:2").parse().unwrap();
            let (_, values) = for_kernel(&limit).unwrap();
            assert_eq!((values.current, values.maximum), (Some(1), Some(2)));
        }
    }
}
