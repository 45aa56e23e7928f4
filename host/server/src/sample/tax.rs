//! GST of an order: worked out by line and rounded by line, as it stands on the invoice.

/// The sums of an order, in paise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) taxable: i64,
    pub(super) cgst: i64,
    pub(super) sgst: i64,
    pub(super) igst: i64,
}

impl Sums {
    /// Adds one line; `across` says that the goods cross a state border.
    pub(super) fn add(&mut self, taxable: i64, rate: i64, across: bool) {
        self.taxable += taxable;
        if across {
            self.igst += div_half_up(taxable * rate, 100);
        } else {
            let half = div_half_up(taxable * rate, 200);
            self.cgst += half;
            self.sgst += half;
        }
    }

    pub(super) fn total(self) -> i64 {
        self.taxable + self.cgst + self.sgst + self.igst
    }
}

/// Divides numbers that are not negative; a half goes up.
pub(super) fn div_half_up(number: i64, divisor: i64) -> i64 {
    (2 * number + divisor) / (2 * divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_up() {
        assert_eq!(div_half_up(25, 10), 3);
        assert_eq!(div_half_up(24, 10), 2);
        assert_eq!(div_half_up(0, 10), 0);
    }

    #[test]
    fn within_the_state_the_tax_is_halved_before_rounding() {
        let mut within = Sums::default();
        within.add(20, 5, false);
        assert_eq!(within, Sums { taxable: 20, cgst: 1, sgst: 1, igst: 0 });
        let mut across = Sums::default();
        across.add(20, 5, true);
        assert_eq!(across, Sums { taxable: 20, cgst: 0, sgst: 0, igst: 1 });
    }
}
