//! Who may use the operators' side.

use super::refused::Refused;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::io;
use std::net::{IpAddr, SocketAddr};

/// A page on the web can make a browser send requests to loopback. It then either sends an `Origin`, or has
/// bound a host name of its own to 127.0.0.1, which shows in `Host`.
pub(super) async fn refuse_web_pages(request: Request, next: Next) -> Response {
    let forbidden =
        |message: &str| Refused(StatusCode::FORBIDDEN, "forbidden", message.to_owned()).into_response();
    if request.headers().contains_key(header::ORIGIN) {
        return forbidden("requests from web pages (with an `Origin`) are refused");
    }
    if !host_is_loopback(request.headers()) || !request.uri().host().is_none_or(is_loopback) {
        return forbidden("`Host` must be a loopback address or localhost");
    }
    next.run(request).await
}

fn host_is_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let (name, port) = match host.rsplit_once(':') {
        // The colons of `[::1]` without a port are not a port's.
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        Some(_) | None => (host, None),
    };
    port.is_none_or(|port| port.parse::<u16>().is_ok()) && is_loopback(name)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The operators' side has no log-in.
pub(super) fn only_loopback(address: SocketAddr) -> io::Result<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    let text = format!("the admin interface has no log-in and listens on loopback only, not on {address}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(hosts: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        host_is_loopback(&headers)
    }

    #[test]
    fn only_hosts_on_loopback_are_served() {
        for host in
            ["127.0.0.1", "127.0.0.1:7990", "127.9.9.9:1", "localhost", "LocalHost:80", "[::1]", "[::1]:1"]
        {
            assert!(allowed(&[host]), "{host}");
        }
        for host in ["", "evil.example", "evil.example:7990", "127.0.0.1.evil.example", "10.0.0.1:80"] {
            assert!(!allowed(&[host]), "{host}");
        }
        for host in
            ["localhost:", "localhost:x", "[::2]:1", "[::1", "localhost.evil.example", "127.0.0.1@evil:1"]
        {
            assert!(!allowed(&[host]), "{host}");
        }
    }

    #[test]
    fn a_request_with_no_host_or_two_is_refused() {
        assert!(!allowed(&[]));
        assert!(!allowed(&["localhost", "evil.example"]));
    }
}
