//! Who buys: people and small firms around each branch.

use rusqlite::{Transaction, params};

use super::dice::Dice;
use super::gstin;
use super::names::Region;
use super::places::{BRANCHES, Branch, Place};

/// Where a parcel goes.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) name: String,
    pub(super) street: String,
    pub(super) city: &'static str,
    pub(super) state: &'static str,
    pub(super) state_code: &'static str,
    pub(super) pincode: String,
}

/// One customer, as far as orders need it.
pub(super) struct Customer {
    pub(super) id: i64,
    pub(super) home: Address,
}

/// Customers of a branch for each order of an average month.
const CUSTOMERS_PER_ORDER: u64 = 3;

const DOMAINS: [&str; 5] = ["dak.example", "post.example", "mail.example", "patra.example", "inbox.example"];

/// Writes all customers and returns them by branch.
pub(super) fn write(tx: &Transaction<'_>, dice: &mut Dice) -> rusqlite::Result<Vec<Vec<Customer>>> {
    let mut insert = tx.prepare("INSERT INTO customers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
    let mut next_id = 1;
    let mut by_branch = Vec::new();
    for branch in &BRANCHES {
        let mut customers = Vec::new();
        for _ in 0..branch.orders * CUSTOMERS_PER_ORDER {
            let (customer, email, gstin) = customer(next_id, branch, dice);
            let home = &customer.home;
            insert.execute(params![
                customer.id,
                home.name,
                email,
                phone(dice),
                home.street,
                home.city,
                home.state,
                home.state_code,
                home.pincode,
                gstin,
            ])?;
            customers.push(customer);
            next_id += 1;
        }
        by_branch.push(customers);
    }
    Ok(by_branch)
}

/// A number that looks Indian but reaches nobody: mobile numbers there begin with 6 to 9.
pub(super) fn phone(dice: &mut Dice) -> String {
    format!("+91 5550{} {:05}", dice.below(10), dice.below(100_000))
}

/// Somebody of a region and how their name is written in Latin letters, given name first.
pub(super) fn person(
    region: &'static Region,
    dice: &mut Dice,
    own_script: bool,
) -> (String, [&'static str; 2]) {
    let (given, family) = (dice.pick(region.given), dice.pick(region.family));
    let name =
        if own_script { format!("{} {}", given.1, family.1) } else { format!("{} {}", given.0, family.0) };
    (name, [given.0, family.0])
}

/// A street address in a place.
fn street(branch: &Branch, place: &Place, dice: &mut Dice, own_script: bool) -> String {
    const STREETS: [&str; 6] =
        ["M.G. Road", "Station Road", "Nehru Nagar", "Civil Lines", "Gandhi Chowk", "Subhash Marg"];
    let number = dice.between(1, 480);
    let road = if own_script {
        branch.region.street
    } else if place.city == branch.home.city {
        *dice.pick(branch.areas)
    } else {
        *dice.pick(&STREETS)
    };
    match dice.below(8) {
        0..3 => format!("{number}, {road}"),
        3 | 4 => format!("Flat {}{}, {road}", dice.between(1, 19), dice.pick(&["A", "B", "C"])),
        5 | 6 => format!("H. No. {number}/{}, {road}", dice.between(1, 40)),
        // Some people write two lines into the one field.
        _ if dice.chance(80) => format!("Plot {number}\n{road}"),
        _ => format!("Plot {number}, {road}"),
    }
}

/// The place and one of its PIN codes.
pub(super) fn deliver(
    name: String,
    branch: &Branch,
    place: &Place,
    dice: &mut Dice,
    own_script: bool,
) -> Address {
    Address {
        name,
        street: street(branch, place, dice, own_script),
        city: place.city,
        state: place.state,
        state_code: place.state_code,
        pincode: (place.pincode + dice.below(60)).to_string(),
    }
}

fn customer(id: i64, branch: &Branch, dice: &mut Dice) -> (Customer, String, Option<String>) {
    let place = if dice.chance(branch.across_permille) {
        dice.pick(branch.across)
    } else if dice.chance(180) && !branch.within.is_empty() {
        dice.pick(branch.within)
    } else {
        &branch.home
    };
    let own_script = dice.chance(90);
    let (mut name, latin) = person(branch.region, dice, own_script);
    let mut gstin = None;
    if !own_script && dice.chance(80) {
        name = firm(latin[1], dice);
        let pan = gstin::pan(dice, 'F', latin[1].chars().next().unwrap_or('A'));
        gstin = Some(gstin::gstin(place.state_code, &pan, 1));
    }
    let email =
        format!("{}.{}{id}@{}", latin[0], latin[1].replace('\'', ""), dice.pick(&DOMAINS)).to_lowercase();
    (Customer { id, home: deliver(name, branch, place, dice, own_script) }, email, gstin)
}

/// A firm's name; quotes, commas and ampersands are as common in them as they are awkward in a CSV file.
fn firm(family: &str, dice: &mut Dice) -> String {
    match dice.below(6) {
        0 => format!("{family} & Sons"),
        1 => format!("{family} Traders"),
        2 => format!("M/s {family} Enterprises, Prop. {family}"),
        3 => format!("Shree \"{family}\" Bhandar"),
        4 => format!("{family} Provision Store"),
        _ => format!("{family} Brothers LLP"),
    }
}
