//! A line for a shell that the request brings.

use super::run::{found, run, tool};
use crate::{BinaryProvider, Found, Install, Request, Runner, Unsuccessful};

/// Runs the line that a request's overrides give; without one there is nothing for it to do.
pub(crate) struct Bash;

impl Bash {
    pub(crate) const NAME: &'static str = "bash";
}

impl BinaryProvider for Bash {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn install(&self, request: &Request<'_>, runner: &dyn Runner) -> Result<Found, Unsuccessful> {
        let prefix = request.place.lib().join(Self::NAME);
        match request.overrides(Self::NAME).install {
            Some(Install::Line(line)) => {
                let bash = tool(request, "bash")?;
                let order = request
                    .order(Self::NAME, &bash)
                    .args(["-c", &line])
                    .variable("PREFIX", &prefix.to_string_lossy());
                run(order, runner)?;
            }
            Some(Install::Command(_)) | None => {
                let reason = r#"no command is given: --override bash='{"install":"…"}'"#;
                return Err(Unsuccessful::skipped(reason));
            }
        }
        let mut places = vec![prefix.join("bin"), request.directory(Self::NAME)];
        places.extend(std::env::split_paths(&request.place.search_path));
        places.retain(|path| path.is_absolute());
        found(request, Self::NAME, &places)
    }
}
