//! Which addresses may be called.
//!
//! A name is resolved here, once, and the connection is made to an address that was looked at: a name that gives another
//! address the next time it is asked (DNS rebinding) reaches nothing else.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

use tokio::sync::Semaphore;
use url::{Host, Url};

/// On whose behalf a name is looked up. Each has places of its own: servers of names that take their time to answer jobs
/// hold up no message of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A job, which calls the web.
    Job,
    /// The host, which delivers messages.
    Host,
}

impl Asker {
    /// Names that the system is asked for at once.
    fn lookups(self) -> &'static Semaphore {
        static OF_JOBS: Semaphore = Semaphore::const_new(24);
        static OF_THE_HOST: Semaphore = Semaphore::const_new(8);
        match self {
            Self::Job => &OF_JOBS,
            Self::Host => &OF_THE_HOST,
        }
    }
}

/// Why nothing is called.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("{0}")]
    NotFound(String),
    #[error("{host} is {address}, which is not on the public internet")]
    Private { host: String, address: IpAddr },
    #[error("{0} is on the public internet, where http can be read by everybody; use https")]
    Plain(String),
}

/// The addresses of a URL's host that may be called. There is at least one.
pub(crate) async fn resolve(
    url: &Url,
    allow_private: bool,
    asker: Asker,
) -> Result<Vec<SocketAddr>, AddressError> {
    let port = url.port_or_known_default().unwrap_or(443);
    let found: Vec<SocketAddr> = match url.host() {
        Some(Host::Ipv4(address)) => vec![(address, port).into()],
        Some(Host::Ipv6(address)) => vec![(address, port).into()],
        Some(Host::Domain(name)) => look_up(name, port, asker)
            .await
            .map_err(|error| AddressError::NotFound(format!("{name} cannot be found: {error}")))?,
        None => Vec::new(),
    };
    choose(url, found, allow_private)
}

/// Asks the system. What it was asked cannot be taken back, so that it is the answer that makes room for the next: a slow
/// answer must not cost the process all of its threads.
async fn look_up(name: &str, port: u16, asker: Asker) -> io::Result<Vec<SocketAddr>> {
    let turn = asker.lookups().acquire().await.map_err(io::Error::other)?;
    let name = name.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        Ok((name.as_str(), port).to_socket_addrs()?.collect())
    });
    asked.await.map_err(io::Error::other)?
}

fn choose(url: &Url, found: Vec<SocketAddr>, allow_private: bool) -> Result<Vec<SocketAddr>, AddressError> {
    let host = || url.host_str().unwrap_or_default().to_owned();
    if found.is_empty() {
        return Err(AddressError::NotFound(format!("{} has no address", host())));
    }
    let is_plain = url.scheme() == "http";
    let may = |address: &SocketAddr| if is_public(address.ip()) { !is_plain } else { allow_private };
    let (good, bad): (Vec<SocketAddr>, Vec<SocketAddr>) = found.into_iter().partition(may);
    match bad.first() {
        Some(bad) if good.is_empty() && is_plain && is_public(bad.ip()) => Err(AddressError::Plain(host())),
        Some(bad) if good.is_empty() => Err(AddressError::Private { host: host(), address: bad.ip() }),
        _ => Ok(good),
    }
}

/// Whether an address is one of the public internet. Everything else, this machine, its network, clouds' services for
/// their machines, and what is reserved, is reached from inside only, and trusts who calls.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// What of IPv4 is not public, after IANA's registry of special addresses: networks and their bits.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),           // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared between customers of a provider
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // this machine
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, and there what clouds tell their machines
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocols
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, broadcast
];

/// What of IPv6 is public at most. Everything else is outside: loopback, addresses with IPv4 in them, unique local,
/// link-local, multicast.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What of that is not.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocols, Teredo among them
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4, which hides an IPv4 address
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// By these, machines without IPv4 reach it: its last 32 bits are the address.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_in =
        |(network, bits): (Ipv4Addr, u32)| (address.to_bits() ^ network.to_bits()) >> (32 - bits) == 0;
    !SPECIAL_V4.into_iter().any(is_in)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let is_in =
        |(network, bits): (Ipv6Addr, u32)| (address.to_bits() ^ network.to_bits()) >> (128 - bits) == 0;
    if is_in(NAT64) {
        return is_public_v4(Ipv4Addr::from_bits(address.to_bits() as u32));
    }
    is_in(GLOBAL_V6) && !SPECIAL_V6.into_iter().any(is_in)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        for public in [
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::64",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public} is public");
        }
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "::ffff:127.0.0.1",
            "::7f00:1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "3fff:1::1",
            "100::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special} is not public");
        }
    }

    #[test]
    fn of_several_addresses_those_that_may_be_are_taken() {
        let url = |text: &str| Url::parse(text).unwrap();
        let found = || vec!["10.0.0.1:443".parse().unwrap(), "8.8.8.8:443".parse().unwrap()];
        let https = url("https://hooks.example.com/");
        assert_eq!(choose(&https, found(), false).unwrap(), ["8.8.8.8:443".parse().unwrap()]);
        assert_eq!(choose(&https, found(), true).unwrap().len(), 2);
        let http = url("http://hooks.example.com/");
        assert_eq!(choose(&http, found(), true).unwrap(), ["10.0.0.1:443".parse().unwrap()]);
        let inside = choose(&https, vec!["10.0.0.1:443".parse().unwrap()], false).unwrap_err();
        assert!(matches!(inside, AddressError::Private { .. }), "{inside}");
        let outside = choose(&http, vec!["8.8.8.8:80".parse().unwrap()], true).unwrap_err();
        assert!(matches!(outside, AddressError::Plain(_)), "{outside}");
        assert!(matches!(choose(&https, Vec::new(), true), Err(AddressError::NotFound(_))));
    }

    #[tokio::test]
    async fn jobs_that_wait_for_names_hold_up_no_message() {
        let turns: Vec<_> =
            std::iter::from_fn(|| Asker::Job.lookups().try_acquire().ok()).take(1_000).collect();
        assert!(!turns.is_empty());
        assert!(Asker::Job.lookups().try_acquire().is_err());
        let url = Url::parse("https://localhost/").unwrap();
        let found = resolve(&url, true, Asker::Host);
        assert!(tokio::time::timeout(Duration::from_secs(30), found).await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn an_address_can_be_written_in_many_ways() {
        for host in ["127.0.0.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "localhost"] {
            let url = Url::parse(&format!("https://{host}/")).unwrap();
            let refused = resolve(&url, false, Asker::Job).await.unwrap_err();
            assert!(refused.to_string().contains("not on the public internet"), "{host}: {refused}");
        }
    }
}
