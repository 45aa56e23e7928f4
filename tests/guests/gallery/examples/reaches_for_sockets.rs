//! Connects, listens, sends datagrams and looks names up through WASI.

use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

gallery::guest!("Opens sockets.", |_| {
    gallery::try_all(["127.0.0.1:80", "[::1]:22", "169.254.169.254:80", "localhost:80"], |address| {
        let denied = |error: std::io::Error| error.kind().to_string();
        let connected = TcpStream::connect(address).map(|_| "connected".to_owned());
        let listening = TcpListener::bind("127.0.0.1:0").map(|_| "listening".to_owned());
        let sending = UdpSocket::bind("127.0.0.1:0").map(|_| "has a UDP socket".to_owned());
        let found = match address.strip_prefix("localhost") {
            Some(_) => address.to_socket_addrs().map(|found| format!("{} addresses", found.count())),
            None => Err(std::io::ErrorKind::InvalidInput.into()),
        };
        connected.or(listening).or(sending).or(found).map_err(denied)
    })
});
