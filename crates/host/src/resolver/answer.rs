//! Reading what services answer, and not believing all of it.

use std::net::IpAddr;

use serde_json::{Map, Value};
use thiserror::Error;

use super::PublicNetwork;

/// No name of a provider or place is longer.
const LONGEST_NAME: usize = 255;

/// Why an answer is not taken.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum Refusal {
    #[error("the answer is neither an address nor a JSON object with one as \"ip\"")]
    NoAddress,
    #[error("no host on the internet has the address {0}")]
    ImpossibleAddress(IpAddr),
    #[error("the answer is not a JSON object")]
    NoObject,
    #[error("the answer is about another address, {0}")]
    OtherAddress(String),
    #[error("the answer names neither provider nor place")]
    NoNames,
}

/// The address in the answer of a public-IP service: plain text or `{"ip": "203.0.113.7"}`.
pub(super) fn public_ip(body: &str) -> Result<IpAddr, Refusal> {
    let object = object(body);
    let text = match &object {
        Some(object) => object
            .get("ip")
            .and_then(Value::as_str)
            .ok_or(Refusal::NoAddress)?,
        None => body,
    };
    let ip = text
        .trim()
        .parse::<IpAddr>()
        .map_err(|_| Refusal::NoAddress)?
        .to_canonical();
    if is_impossible(ip) {
        Err(Refusal::ImpossibleAddress(ip))
    } else {
        Ok(ip)
    }
}

/// Private addresses pass: an operator's own service may well answer with one.
fn is_impossible(ip: IpAddr) -> bool {
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    is_link_local || ip.is_unspecified() || ip.is_loopback() || ip.is_multicast()
}

/// Provider and place in the answer of a geolocation service about `ip`: a JSON object with
/// `org`, `city`, `region` and `country_name`, of which one at least must be there.
pub(super) fn location(body: &str, ip: IpAddr) -> Result<PublicNetwork, Refusal> {
    let object = object(body).ok_or(Refusal::NoObject)?;
    if let Some(about) = object.get("ip").and_then(Value::as_str) {
        let is_same = about
            .trim()
            .parse::<IpAddr>()
            .is_ok_and(|about| about.to_canonical() == ip);
        if !is_same {
            return Err(Refusal::OtherAddress(
                about.chars().take(LONGEST_NAME).collect(),
            ));
        }
    }
    let network = PublicNetwork {
        ip: Some(ip),
        isp: name(&object, "org"),
        city: name(&object, "city"),
        region: name(&object, "region"),
        country: name(&object, "country_name"),
    };
    let nothing = PublicNetwork {
        ip: Some(ip),
        ..PublicNetwork::default()
    };
    if network == nothing {
        Err(Refusal::NoNames)
    } else {
        Ok(network)
    }
}

fn object(body: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(body).ok()
}

/// A name that people could have given: not empty, not endless, no control characters.
fn name(object: &Map<String, Value>, key: &str) -> Option<String> {
    let name = object.get(key)?.as_str()?.trim();
    let is_name = !name.is_empty()
        && name.chars().count() <= LONGEST_NAME
        && !name.chars().any(char::is_control);
    is_name.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_comes_as_text_or_json() {
        assert_eq!(public_ip("203.0.113.7\n"), Ok(ip("203.0.113.7")));
        assert_eq!(
            public_ip(r#"{"ip":"203.0.113.7","more":[1]}"#),
            Ok(ip("203.0.113.7"))
        );
        assert_eq!(public_ip("2001:DB8::1"), Ok(ip("2001:db8::1")));
        assert_eq!(public_ip("::ffff:203.0.113.7"), Ok(ip("203.0.113.7")));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for lie in [
            "",
            "<html>203.0.113.7</html>",
            "203.0.113.7 ok",
            "1.2.3",
            "{}",
            r#"{"ip":7}"#,
        ] {
            assert_eq!(public_ip(lie), Err(Refusal::NoAddress), "{lie}");
        }
        for lie in [
            "0.0.0.0",
            "127.0.0.1",
            "::1",
            "224.0.0.1",
            "255.255.255.255",
            "169.254.1.1",
        ] {
            assert_eq!(public_ip(lie), Err(Refusal::ImpossibleAddress(ip(lie))));
        }
    }

    #[test]
    fn a_location_has_provider_and_place() {
        let body = r#"{"ip":"203.0.113.7","org":"AS64500 Example ISP","city":" Zürich ",
                       "region":"ZH","country_name":"Switzerland","country":"CH"}"#;
        let location = location(body, ip("203.0.113.7")).unwrap();
        assert_eq!(location.isp.as_deref(), Some("AS64500 Example ISP"));
        assert_eq!(location.city.as_deref(), Some("Zürich"));
        assert_eq!(location.region.as_deref(), Some("ZH"));
        assert_eq!(location.country.as_deref(), Some("Switzerland"));
    }

    #[test]
    fn names_that_cannot_be_names_are_left_out() {
        let long = "x".repeat(256);
        let body =
            format!(r#"{{"org":"a\u001b[2J","city":7,"region":"{long}","country_name":"X"}}"#);
        let location = location(&body, ip("203.0.113.7")).unwrap();
        assert_eq!(
            (location.isp, location.city, location.region),
            (None, None, None)
        );
        assert_eq!(location.country.as_deref(), Some("X"));
    }

    #[test]
    fn a_location_of_another_address_or_of_none_is_refused() {
        let ip = ip("203.0.113.7");
        assert_eq!(
            location(r#"{"ip":"192.0.2.1","city":"Elsewhere"}"#, ip),
            Err(Refusal::OtherAddress("192.0.2.1".to_owned()))
        );
        assert_eq!(
            location(r#"{"error":true,"reason":"RateLimited"}"#, ip),
            Err(Refusal::NoNames)
        );
        assert_eq!(location("<html>", ip), Err(Refusal::NoObject));
        assert_eq!(location("[1]", ip), Err(Refusal::NoObject));
    }
}
