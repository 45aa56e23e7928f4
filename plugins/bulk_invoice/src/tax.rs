//! The goods and services tax of a line.

use longshore_plugin::prelude::*;
use std::ops::AddAssign;

/// Amounts in paise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amounts {
    pub(crate) taxable: i64,
    pub(crate) cgst: i64,
    pub(crate) sgst: i64,
    pub(crate) igst: i64,
}

impl Amounts {
    /// Everything that is to be paid.
    pub(crate) fn total(&self) -> i64 {
        self.taxable + self.cgst + self.sgst + self.igst
    }
}

impl AddAssign for Amounts {
    fn add_assign(&mut self, other: Self) {
        self.taxable += other.taxable;
        self.cgst += other.cgst;
        self.sgst += other.sgst;
        self.igst += other.igst;
    }
}

/// Where the goods go, as seen from the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Supply {
    /// Within the branch's state: half the tax is the centre's (CGST), half the state's (SGST).
    WithinState,
    /// To another state: all of it is integrated (IGST).
    AcrossStates,
}

impl Supply {
    /// By the codes of the branch's state and of the place of supply.
    pub(crate) fn between(branch_state_code: &str, place_of_supply_code: &str) -> Self {
        if branch_state_code == place_of_supply_code { Self::WithinState } else { Self::AcrossStates }
    }
}

/// The amounts of one line. Tax is rounded line by line, half a paisa up.
pub(crate) fn line(
    supply: Supply,
    quantity: i64,
    unit_price_paise: i64,
    rate_percent: i64,
) -> Result<Amounts> {
    let amount = |amount: i128| {
        // Far from the end of the range, so that sums stay inside it too.
        i64::try_from(amount).ok().filter(|amount| amount.unsigned_abs() < 1 << 52).ok_or_else(|| {
            JobError::failed(format!(
                "a line of {quantity} at {unit_price_paise} paise is too much to invoice"
            ))
        })
    };
    let taxable = amount(i128::from(quantity) * i128::from(unit_price_paise))?;
    // A percentage of paise, and half of one where the tax is split.
    let share = |parts: i128| (i128::from(taxable) * i128::from(rate_percent) + parts / 2).div_euclid(parts);
    let (half, whole) = match supply {
        Supply::WithinState => (amount(share(200))?, 0),
        Supply::AcrossStates => (0, amount(share(100))?),
    };
    Ok(Amounts { taxable, cgst: half, sgst: half, igst: whole })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_the_state_the_tax_is_split() {
        let amounts = line(Supply::WithinState, 3, 19_999, 18).unwrap();
        assert_eq!(amounts, Amounts { taxable: 59_997, cgst: 5_400, sgst: 5_400, igst: 0 }); // 5,399.73
        assert_eq!(amounts.total(), 70_797);
    }

    #[test]
    fn across_states_it_is_one() {
        let amounts = line(Supply::AcrossStates, 3, 19_999, 18).unwrap();
        assert_eq!(amounts, Amounts { taxable: 59_997, cgst: 0, sgst: 0, igst: 10_799 }); // 10,799.46
    }

    #[test]
    fn half_a_paisa_goes_up() {
        assert_eq!(line(Supply::AcrossStates, 1, 10, 5).unwrap().igst, 1); // 0.5
        assert_eq!(line(Supply::WithinState, 1, 20, 5).unwrap().cgst, 1); // 0.5
        assert_eq!(line(Supply::WithinState, 1, 19, 5).unwrap().cgst, 0); // 0.475
        assert_eq!(line(Supply::WithinState, 1, 0, 28).unwrap(), Amounts::default());
    }

    #[test]
    fn amounts_beyond_reason_are_refused() {
        assert!(line(Supply::AcrossStates, i64::MAX, i64::MAX, 28).is_err());
    }

    #[test]
    fn the_place_of_supply_decides() {
        assert_eq!(Supply::between("07", "07"), Supply::WithinState);
        assert_eq!(Supply::between("07", "27"), Supply::AcrossStates);
    }
}
