//! The http resolver against services on this host that answer, stall, lie, refuse and break.
#![cfg(feature = "http")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hostledger_host::{Endpoints, Http, PublicNetwork, Resolver};

/// For services that are to be given up; well-behaved ones here answer in a millisecond.
const DEADLINE: Duration = Duration::from_millis(800);

/// A service on the loopback interface that treats every connection in its own way.
struct Service {
    url: String,
    asked: Arc<AtomicUsize>,
    /// Bytes that clients took.
    sent: Arc<AtomicUsize>,
}

impl Service {
    /// `behave` gets the connection after the request has been read, and the request.
    fn new(
        behave: impl Fn(&mut Connection, &str) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, sent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let behave = Arc::new(behave);
        let service = Self {
            url,
            asked: Arc::clone(&asked),
            sent: Arc::clone(&sent),
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (behave, asked) = (Arc::clone(&behave), Arc::clone(&asked));
                let mut connection = Connection {
                    stream: stream.unwrap(),
                    sent: Arc::clone(&sent),
                };
                thread::spawn(move || {
                    let request = connection.request();
                    asked.fetch_add(1, Ordering::SeqCst);
                    // The client may leave at any time.
                    drop(behave(&mut connection, &request));
                });
            }
        });
        service
    }

    /// Answers with status 200 and `body`.
    fn answering(body: &str) -> Self {
        let body = body.to_owned();
        Self::new(move |connection, _| connection.answer(&body))
    }

    /// Sends exactly `bytes` and closes.
    fn raw(bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref().to_owned();
        Self::new(move |connection, _| connection.send(&bytes))
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

struct Connection {
    stream: TcpStream,
    sent: Arc<AtomicUsize>,
}

impl Connection {
    /// The head of the request; what was read of it when the client leaves.
    fn request(&mut self) -> String {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && matches!(self.stream.read(&mut byte), Ok(1)) {
            head.push(byte[0]);
            // What speaks TLS does not end its head like this.
            if head.len() >= 64 && !head.starts_with(b"GET ") {
                break;
            }
        }
        String::from_utf8_lossy(&head).into_owned()
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.sent.fetch_add(bytes.len(), Ordering::SeqCst);
        Ok(())
    }

    fn answer(&mut self, body: &str) -> io::Result<()> {
        let length = body.len();
        self.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())
    }

    /// Waits until the client has left.
    fn stall(&mut self) -> io::Result<()> {
        io::copy(&mut self.stream, &mut io::sink()).map(drop)
    }

    /// One byte every 20 ms, for ever or until the client leaves.
    fn drip(&mut self, bytes: &[u8]) -> io::Result<()> {
        for byte in bytes.iter().cycle() {
            self.send(&[*byte])?;
            thread::park_timeout(Duration::from_millis(20));
        }
        Ok(())
    }
}

const PLACE: &str = r#"{"ip":"203.0.113.7","org":"AS64500 Example ISP","city":"Berkeley",
    "region":"California","country_name":"United States","country":"US"}"#;

fn asking(public_ip: &[&str], geolocation: &[&str]) -> Http {
    let urls = |urls: &[&str]| urls.iter().map(|url| (*url).to_owned()).collect();
    let endpoints = Endpoints {
        public_ip: urls(public_ip),
        geolocation: urls(geolocation),
    };
    Http::with_deadline(endpoints, DEADLINE)
}

fn knowing_only(ip: &str) -> PublicNetwork {
    PublicNetwork {
        ip: Some(ip.parse().unwrap()),
        ..PublicNetwork::default()
    }
}

/// The service alone tells nothing, in bounded time, and one that stands after it is asked.
fn assert_of_no_use(service: &Service) {
    let place = Service::answering(PLACE);
    let started = Instant::now();
    assert_eq!(
        asking(&[&service.url], &[&place.url]).resolve(),
        PublicNetwork::default()
    );
    let took = started.elapsed();
    assert!(took < DEADLINE + Duration::from_secs(2), "{took:?}");
    assert_eq!(place.asked(), 0, "nothing to ask about");

    let honest = Service::answering("203.0.113.7");
    let http = asking(&[&service.url, &honest.url], &[&service.url]);
    assert_eq!(http.resolve(), knowing_only("203.0.113.7"));
    assert_eq!(honest.asked(), 1);
}

#[test]
fn services_that_answer_tell_address_and_place() {
    for answer in ["203.0.113.7\n", r#"{"ip": "203.0.113.7"}"#] {
        let ip = Service::answering(answer);
        let place = Service::new(|connection, request| {
            assert!(
                request.starts_with("GET /203.0.113.7/json?key=1 HTTP/1.1\r\n"),
                "{request}"
            );
            assert!(
                request.to_lowercase().contains("user-agent: hostledger/"),
                "{request}"
            );
            connection.answer(PLACE)
        });
        let place_url = format!("{}/{{ip}}/json?key=1", place.url);
        let network = asking(&[&ip.url], &[&place_url]).resolve();
        assert_eq!(network.ip, Some("203.0.113.7".parse().unwrap()));
        assert_eq!(network.isp.as_deref(), Some("AS64500 Example ISP"));
        assert_eq!(network.city.as_deref(), Some("Berkeley"));
        assert_eq!(network.region.as_deref(), Some("California"));
        assert_eq!(network.country.as_deref(), Some("United States"));
        assert_eq!((ip.asked(), place.asked()), (1, 1));
    }
}

#[test]
fn services_after_the_first_that_answers_are_not_asked() {
    let (first, second) = (
        Service::answering("203.0.113.7"),
        Service::answering("203.0.113.8"),
    );
    let network = asking(&[&first.url, &second.url], &[]).resolve();
    assert_eq!(network, knowing_only("203.0.113.7"));
    assert_eq!((first.asked(), second.asked()), (1, 0));
}

#[test]
fn without_services_nothing_is_known() {
    assert_eq!(asking(&[], &[]).resolve(), PublicNetwork::default());
}

#[test]
fn a_service_that_stalls_is_given_up() {
    assert_of_no_use(&Service::new(|connection, _| connection.stall()));
}

#[test]
fn a_service_that_stalls_after_its_head_is_given_up() {
    assert_of_no_use(&Service::new(|connection, _| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n203.")?;
        connection.stall()
    }));
}

#[test]
fn a_service_that_sends_its_head_byte_by_byte_is_given_up() {
    assert_of_no_use(&Service::new(|connection, _| {
        connection.send(b"HTTP/1.1 200 OK\r\n")?;
        connection.drip(b"X-More: x\r\n")
    }));
}

#[test]
fn a_service_that_sends_its_body_byte_by_byte_is_given_up() {
    assert_of_no_use(&Service::new(|connection, _| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")?;
        connection.drip(b" ")
    }));
}

#[test]
fn a_service_gets_five_seconds_by_default() {
    let silent = Service::new(|connection, _| connection.stall());
    let endpoints = Endpoints {
        public_ip: vec![silent.url.clone()],
        geolocation: vec![],
    };
    let started = Instant::now();
    assert_eq!(Http::new(endpoints).resolve(), PublicNetwork::default());
    let took = started.elapsed();
    assert!(
        (Duration::from_secs(4)..Duration::from_secs(7)).contains(&took),
        "{took:?}"
    );
}

#[test]
fn a_service_that_refuses_connections_is_passed_over() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let honest = Service::answering("203.0.113.7");
    let network = asking(&[&url, &honest.url], &[&url]).resolve();
    assert_eq!(network, knowing_only("203.0.113.7"));
}

#[test]
fn a_service_that_closes_in_the_middle_is_not_believed() {
    // What arrived would be an address of its own.
    assert_of_no_use(&Service::raw(
        "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n203.0.113.1",
    ));
    assert_of_no_use(&Service::raw(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n203.0.113.1\r\n",
    ));
    assert_of_no_use(&Service::raw("HTTP/1.1 200 OK\r\nContent-Le"));
    assert_of_no_use(&Service::raw(""));
}

#[test]
fn a_service_that_lies_is_not_believed() {
    for lie in [
        "<html><body>Log in to the hotel's network</body></html>",
        "",
        "localhost",
        "127.0.0.1",
        "999.0.113.7",
        r#"{"ip": null}"#,
        r#"["203.0.113.7"]"#,
        "\u{0}\u{1}\u{2}",
    ] {
        assert_of_no_use(&Service::answering(lie));
    }
    assert_of_no_use(&Service::raw(
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe\xfd\xfc",
    ));
    assert_of_no_use(&Service::raw("SSH-2.0-OpenSSH_9.2\r\n"));
    assert_of_no_use(&Service::raw([0xff; 4096]));
}

#[test]
fn an_answer_of_ten_megabytes_is_not_read() {
    let service = Service::new(|connection, _| {
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n203.0.113.7")?;
        for _ in 0..10 << 10 {
            connection.send(&[b' '; 1024])?;
        }
        Ok(())
    });
    assert_of_no_use(&service);
    // Some of it fits into the buffers of the sockets; three requests were made.
    let sent = service.sent.load(Ordering::SeqCst);
    assert!(sent < 3 * (8 << 20), "{sent} bytes were taken");
}

#[test]
fn a_head_without_end_is_not_read() {
    let service = Service::new(|connection, _| {
        connection.send(b"HTTP/1.1 200 OK\r\nX-More: ")?;
        loop {
            connection.send(&[b'x'; 4096])?;
        }
    });
    assert_of_no_use(&service);
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Service::answering("203.0.113.7");
    for target in ["/", &elsewhere.url] {
        for status in [
            "301 Moved Permanently",
            "302 Found",
            "307 Temporary Redirect",
        ] {
            let answer = format!(
                "HTTP/1.1 {status}\r\nLocation: {target}\r\nContent-Length: 11\r\n\r\n203.0.113.9"
            );
            let service = Service::raw(answer);
            assert_of_no_use(&service);
            // For the address twice, once for the place.
            assert_eq!(service.asked(), 3);
        }
    }
    assert_eq!(elsewhere.asked(), 0);
}

#[test]
fn an_answer_with_another_status_is_not_believed() {
    for status in [
        "204 No Content",
        "206 Partial Content",
        "404 Not Found",
        "429 Slow",
        "500 No",
    ] {
        let length = if status.starts_with("204") {
            ""
        } else {
            "Content-Length: 11\r\n"
        };
        let body = if length.is_empty() { "" } else { "203.0.113.7" };
        assert_of_no_use(&Service::raw(format!(
            "HTTP/1.1 {status}\r\n{length}\r\n{body}"
        )));
    }
}

#[test]
fn a_service_that_does_not_speak_tls_is_passed_over() {
    let plain = Service::answering("203.0.113.7");
    let silent = Service::new(|connection, _| connection.stall());
    let honest = Service::answering("203.0.113.8");
    let over_tls = |service: &Service| service.url.replace("http:", "https:");
    let started = Instant::now();
    let http = asking(&[&over_tls(&plain), &over_tls(&silent), &honest.url], &[]);
    assert_eq!(http.resolve(), knowing_only("203.0.113.8"));
    assert!(started.elapsed() < 2 * DEADLINE + Duration::from_secs(2));
}

#[test]
fn a_url_that_is_none_is_passed_over() {
    let honest = Service::answering("203.0.113.7");
    let network = asking(&["", "nonsense", "ftp://127.0.0.1", &honest.url], &[]).resolve();
    assert_eq!(network, knowing_only("203.0.113.7"));
}

#[test]
fn a_place_is_believed_only_if_it_is_one_of_the_address() {
    let ip = Service::answering("203.0.113.7");
    for lie in [
        r#"{"ip":"192.0.2.1","city":"Elsewhere"}"#,
        r#"{"error":true,"reason":"RateLimited"}"#,
        "<html>city</html>",
        "{\"city\":\"\\u001b[31mred\"}",
        "",
    ] {
        let liar = Service::answering(lie);
        let network = asking(&[&ip.url], &[&liar.url]).resolve();
        assert_eq!(network, knowing_only("203.0.113.7"), "{lie}");
        let honest = Service::answering(PLACE);
        let network = asking(&[&ip.url], &[&liar.url, &honest.url]).resolve();
        assert_eq!(network.city.as_deref(), Some("Berkeley"), "{lie}");
    }
}
