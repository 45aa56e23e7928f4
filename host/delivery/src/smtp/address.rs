//! Email addresses as they go to a server: with the domain in ASCII.

use lettre::Address;
use lettre::message::Mailbox;

/// Reads an address such as `Shop <shop@example.com>`. A domain outside ASCII becomes its A-label (`xn--…`), which every
/// server takes; nothing else of the address is changed.
pub(super) fn mailbox(text: &str) -> Result<Mailbox, String> {
    let Mailbox { name, email } =
        text.parse().map_err(|error: lettre::address::AddressError| error.to_string())?;
    Ok(Mailbox { name, email: in_ascii(email)? })
}

fn in_ascii(address: Address) -> Result<Address, String> {
    if address.domain().is_ascii() {
        return Ok(address);
    }
    let domain = idna::domain_to_ascii_strict(address.domain())
        .map_err(|_| format!("the domain {:?} is no name of the internet", address.domain()))?;
    Address::new(address.user(), domain).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_domain_is_changed() {
        let read = |text: &str| mailbox(text).map(|mailbox| mailbox.email.to_string());
        assert_eq!(read("ravi@bücher.example"), Ok("ravi@xn--bcher-kva.example".into()));
        assert_eq!(read("rävi@bücher.example"), Ok("rävi@xn--bcher-kva.example".into()));
        assert_eq!(read("Ravi@Example.COM"), Ok("Ravi@Example.COM".into()));
        assert_eq!(read("ravi@straße.example"), Ok("ravi@xn--strae-oqa.example".into()));
        for wrong in ["ravi@bücher..example", "ravi@-ü-.example", "ravi@", "@bücher.example", "ravi", ""] {
            assert!(read(wrong).is_err(), "{wrong:?} was taken");
        }
    }
}
