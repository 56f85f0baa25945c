//! Parameters of legacy calls, as texts that the original understood.

use super::refusal::{Flaw, Refusal};
use domain::{ids::BadId, worker::Scale};
use ports::store::{Numbered, SortBy, SortOrder};
use proto::legacy::v1;
use std::{fmt::Display, num::IntErrorKind, str::FromStr};

/// How many records a page has unless the caller says otherwise.
const PER_PAGE: u32 = 25;
/// The most records of one page.
const PER_PAGE_MAX: u32 = 1000;

/// The number of a record.
///
/// # Errors
/// `NotFound` for what is no number: no record has it.
pub(super) fn id<T: FromStr<Err = BadId>>(what: &'static str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::NotFound {
        what,
        which: text.to_owned(),
    })
}

/// A field that a record cannot be without. What is wrong with it goes to `flaws`.
pub(super) fn required<T: FromStr<Err: Display>>(
    field: &'static str,
    text: Option<&str>,
    flaws: &mut Vec<Flaw>,
) -> Option<T> {
    match text.map(str::trim) {
        None | Some("") => {
            flaws.push(Flaw::blank(field));
            None
        }
        Some(text) => given(field, text, flaws),
    }
}

/// As `required`, of a change: none stays as it is.
pub(super) fn changed<T: FromStr<Err: Display>>(
    field: &'static str,
    text: Option<&str>,
    flaws: &mut Vec<Flaw>,
) -> Option<T> {
    text.and_then(|text| required(field, Some(text), flaws))
}

fn given<T: FromStr<Err: Display>>(
    field: &'static str,
    text: &str,
    flaws: &mut Vec<Flaw>,
) -> Option<T> {
    match text.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            let problem = match field {
                // The one that clients may know by heart.
                "repo" => "is invalid".to_owned(),
                _ => format!("is invalid: {error}"),
            };
            flaws.push(Flaw::new(field, problem));
            None
        }
    }
}

/// Refuses when there are flaws.
pub(super) fn flawless(flaws: Vec<Flaw>) -> Result<(), Refusal> {
    if flaws.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Invalid(flaws))
    }
}

/// A scale within the limit.
///
/// # Errors
/// `Invalid`, in the words of the original.
pub(super) fn scale(text: &str, max: u16) -> Result<i64, Flaw> {
    let flaw = |problem: String| Flaw::new("scale", problem);
    let text = text.trim();
    let asked = match text.parse::<i64>() {
        Ok(asked) => asked,
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => i64::MAX,
        Err(error) if *error.kind() == IntErrorKind::NegOverflow => i64::MIN,
        Err(_) if text.parse::<f64>().is_ok_and(f64::is_finite) => {
            return Err(flaw("must be an integer".to_owned()));
        }
        Err(_) => return Err(flaw("is not a number".to_owned())),
    };
    if asked < 0 {
        return Err(flaw("must be greater than or equal to 0".to_owned()));
    }
    if Scale::new(asked, max).is_err() {
        return Err(flaw(format!("must be less than or equal to {max}")));
    }
    Ok(asked)
}

/// Which page of a list is asked for.
///
/// # Errors
/// `SortOrder`.
pub(super) fn page(
    page: &str,
    per_page: &str,
    sort_by: &str,
    sort_order: &str,
) -> Result<Numbered, Refusal> {
    // One that is larger than any is past the end, like any large one.
    let positive = |text: &str| {
        let text = text.trim();
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u32>().ok().or(is_number.then_some(u32::MAX));
        number.filter(|number| *number > 0)
    };
    Ok(Numbered {
        number: positive(page).unwrap_or(1),
        size: positive(per_page).unwrap_or(PER_PAGE).min(PER_PAGE_MAX),
        by: match sort_by {
            "ref" => SortBy::Ref,
            "rref" => SortBy::Commit,
            "state" => SortBy::State,
            "created_at" => SortBy::CreatedAt,
            "updated_at" => SortBy::UpdatedAt,
            "completed_at" => SortBy::CompletedAt,
            "app_id" => SortBy::App,
            "environment_id" => SortBy::Environment,
            "build_id" => SortBy::Build,
            // `id`, and what no record has.
            _ => SortBy::Id,
        },
        order: match sort_order {
            "" | "asc" => SortOrder::Ascending,
            "desc" => SortOrder::Descending,
            other => return Err(Refusal::SortOrder(other.to_owned())),
        },
    })
}

/// Which page an answer is.
pub(super) fn pagination(page: Numbered, total: u64) -> v1::Pagination {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    v1::Pagination {
        page: page.number.into(),
        per_page: page.size.into(),
        total_pages: whole(total.div_ceil(page.size.into())),
        total_count: whole(total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_a_whole_number_within_its_limits() {
        for (text, want) in [
            ("0", Ok(0)),
            (" 2 ", Ok(2)),
            ("100", Ok(100)),
            ("101", Err("must be less than or equal to 100")),
            (
                "99999999999999999999",
                Err("must be less than or equal to 100"),
            ),
            ("-1", Err("must be greater than or equal to 0")),
            ("1.5", Err("must be an integer")),
            ("2.0", Err("must be an integer")),
            ("", Err("is not a number")),
            ("two", Err("is not a number")),
            ("inf", Err("is not a number")),
        ] {
            let got = scale(text, 100).map_err(|flaw| flaw.problem);
            assert_eq!(got, want.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn what_is_no_page_is_the_first() {
        for (number, size, want) in [
            ("", "", (1, 25)),
            ("3", "7", (3, 7)),
            ("0", "0", (1, 25)),
            ("-2", "-2", (1, 25)),
            ("x", "1.5", (1, 25)),
            ("1", "100000", (1, 1000)),
        ] {
            let page = page(number, size, "", "").unwrap();
            assert_eq!((page.number, page.size), want, "{number} {size}");
        }
    }

    #[test]
    fn a_field_that_nobody_knows_sorts_by_id_and_an_unknown_order_is_refused() {
        assert_eq!(page("", "", "colour", "").unwrap().by, SortBy::Id);
        assert_eq!(page("", "", "rref", "").unwrap().by, SortBy::Commit);
        let order = page("", "", "", "desc").unwrap().order;
        assert_eq!(order, SortOrder::Descending);
        assert!(page("", "", "", "up").is_err());
    }

    #[test]
    fn pages_are_counted() {
        let page = page("2", "10", "", "").unwrap();
        for (total, pages) in [(0, 0), (1, 1), (10, 1), (11, 2)] {
            assert_eq!(pagination(page, total).total_pages, pages, "{total}");
        }
    }
}
