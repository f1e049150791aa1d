//! Asking services on the internet.

use std::error::Error as _;
use std::net::IpAddr;
use std::time::Duration;

use thiserror::Error;
use tracing::{debug, warn};
use ureq::Agent;

use super::answer::{self, Refusal};
use super::{PublicNetwork, Resolver};

/// How long one service may take, from looking up its name to the last byte of its answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// No answer that is meant is longer; of one that is, no more is read.
const LONGEST_ANSWER: u64 = 64 << 10;

/// The services to ask, in this order; those after the first that answers are not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// URLs that answer with the caller's address, as plain text or as JSON `{"ip": "…"}`.
    pub public_ip: Vec<String>,
    /// URLs that answer with a JSON object of `org`, `city`, `region` and `country_name`; `{ip}`
    /// in a URL stands for the address in question.
    pub geolocation: Vec<String>,
}

impl Default for Endpoints {
    /// Free services that need no key, over https.
    fn default() -> Self {
        let urls = |urls: &[&str]| urls.iter().map(|url| (*url).to_owned()).collect();
        Self {
            public_ip: urls(&[
                "https://api.ipify.org",
                "https://ipinfo.io/ip",
                "https://checkip.amazonaws.com",
            ]),
            geolocation: urls(&["https://ipapi.co/{ip}/json/"]),
        }
    }
}

/// Asks services on the internet for the public address, then for its provider and place.
///
/// It tells those services the host's address, so nobody gets it without opting in. Each is
/// asked once and given 5 seconds in all. Answers are bounded and checked; redirects are not
/// followed (they are how captive portals answer), and proxies are not used (a service would see
/// the proxy's address). What no service tells is left out, with a warning by tracing.
#[derive(Debug)]
pub struct Http {
    agent: Agent,
    endpoints: Endpoints,
}

impl Http {
    /// Will ask these services; nothing is sent yet.
    pub fn new(endpoints: Endpoints) -> Self {
        Self::with_deadline(endpoints, DEADLINE)
    }

    /// The same with another deadline for each service.
    pub fn with_deadline(endpoints: Endpoints, deadline: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(deadline))
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .max_idle_connections(0)
            .user_agent(concat!("hostledger/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: config.new_agent(),
            endpoints,
        }
    }

    fn ask<T>(
        &self,
        url: &str,
        read: impl FnOnce(&str) -> Result<T, Refusal>,
    ) -> Result<T, AskError> {
        let mut response = self.agent.get(url).call()?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(AskError::Status(status));
        }
        let body = response
            .body_mut()
            .with_config()
            .limit(LONGEST_ANSWER)
            .read_to_string()?;
        Ok(read(&body)?)
    }

    /// What the first service that gives a believable answer says.
    fn ask_in_turn<T>(
        &self,
        urls: &[String],
        in_url: impl Fn(&str) -> String,
        read: impl Fn(&str) -> Result<T, Refusal>,
    ) -> Option<T> {
        urls.iter()
            .find_map(|url| match self.ask(&in_url(url), &read) {
                Ok(answer) => Some(answer),
                Err(error) => {
                    let cause = error.source().map(ToString::to_string);
                    warn!(url, %error, cause, "no use of this service");
                    None
                }
            })
    }

    fn public_ip(&self) -> Option<IpAddr> {
        self.ask_in_turn(&self.endpoints.public_ip, str::to_owned, answer::public_ip)
    }

    fn location(&self, ip: IpAddr) -> Option<PublicNetwork> {
        let in_url = |url: &str| url.replace("{ip}", &ip.to_string());
        self.ask_in_turn(&self.endpoints.geolocation, in_url, |body| {
            answer::location(body, ip)
        })
    }
}

impl Resolver for Http {
    fn resolve(&self) -> PublicNetwork {
        let Some(ip) = self.public_ip() else {
            return PublicNetwork::default();
        };
        debug!(%ip, "a service told the public address");
        self.location(ip).unwrap_or_else(|| PublicNetwork {
            ip: Some(ip),
            ..PublicNetwork::default()
        })
    }
}

/// Why a service was of no use.
#[derive(Debug, Error)]
enum AskError {
    #[error("the service did not answer")]
    Request(#[from] ureq::Error),
    #[error("the service answered with status {0}")]
    Status(u16),
    #[error("the answer is not believed")]
    Answer(#[from] Refusal),
}
