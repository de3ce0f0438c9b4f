//! What a person reads who got nearly everything wrong.

use std::path::PathBuf;

const WRONG: &str = include_str!("wrong.toml");
const NOT_TOML: &str = include_str!("not.toml");

fn complaints(text: &str) -> config::Complaints {
    config::read(&[(PathBuf::from("site/reelkeep.toml"), text.to_owned())])
        .expect_err("it is wrong")
}

#[test]
fn every_mistake_has_its_line() {
    insta::assert_snapshot!("lines", complaints(WRONG).to_string());
}

#[test]
fn every_mistake_has_its_picture() {
    insta::assert_snapshot!("pictures", complaints(WRONG).pictures(false));
}

#[test]
fn what_is_not_toml_is_said_once_and_the_rest_too() {
    insta::assert_snapshot!("not_toml", complaints(NOT_TOML).to_string());
}
