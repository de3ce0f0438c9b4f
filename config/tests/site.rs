//! Whole sites: what they resolve to, how they are shown, and what is said of those that cannot work.

use std::path::{Path, PathBuf};

use config::{Config, Gravity, Strategy, Taperalgo, Tapetype, UseSpace};
use proptest::prelude::*;
use types::Bytes;

const EXAMPLE: &str = include_str!("../../docs/examples/reelkeep.toml");
const WRONG: &str = include_str!("wrong.toml");

fn read(text: &str) -> Result<Config, config::Complaints> {
    config::read(&[(PathBuf::from("/etc/reelkeep/site/reelkeep.toml"), text.to_owned())])
}

fn example() -> Config {
    read(EXAMPLE).unwrap_or_else(|wrong| panic!("{wrong}"))
}

#[test]
fn the_example_has_neither_mistakes_nor_hints() {
    let config = example();
    assert!(config.hints.is_empty(), "{}", config::pictures(&config.hints, false));
}

#[test]
fn settings_go_from_site_to_pool_to_storage() {
    let config = example();
    let [daily, monthly] = config.storages.as_slice() else { panic!("two storages") };
    assert_eq!((daily.tapering.runtapes, monthly.tapering.runtapes), (3, 6));
    assert_eq!(daily.tapering.taperalgo, Taperalgo::LargestFit);
    assert_eq!(monthly.tapering.taperalgo, Taperalgo::First);
    let template =
        |s: &config::Storage| s.tapering.autolabel.as_ref().map(|a| a.template.as_str().to_owned());
    assert_eq!(template(daily).as_deref(), Some("$o-D%%%%"));
    assert_eq!(template(monthly).as_deref(), Some("M%%%"));
    assert_eq!(monthly.comment, "", "a pool's comment is not the storage's");
    assert_eq!(daily.tapetype.length, Bytes(200_000_000_000));
    assert_eq!((daily.policy.retention_tapes, monthly.policy.retention_tapes), (27, 12));
    assert_eq!(config.site.active_storage, config.site.storage);
    assert_eq!(config.holding[0].use_space, UseSpace::AllBut(Bytes::GIB.times(20)));
}

#[test]
fn dumptypes_inherit_in_order_and_the_dle_has_the_last_word() {
    let config = example();
    let dle = |name: &str| &config.dles.iter().find(|d| d.name.as_str() == name).unwrap().dumping;
    let home = dle("/home");
    assert_eq!(home.picks.exclude, ["*.swp", "lost+found", "./*/.cache", "node_modules"]);
    assert!(home.picks.exclude_caches);
    assert_eq!((home.priority, home.dumpcycle), (2, 7));
    let scratch = dle("/srv/scratch");
    assert_eq!(
        (scratch.strategy, scratch.compress_level, scratch.dumpcycle),
        (Strategy::NoInc, 1, 0)
    );
    assert_eq!(scratch.picks.exclude, ["*.swp", "lost+found"]);
    assert_eq!(dle("/etc").tag, ["keep"]);
    assert_eq!(dle("web").starttime.map(|t| (t.hour, t.minute)), Some((2, 30)));
    assert_eq!(dle("web").spindle, Some(1));
}

/// What matters of a configuration, without where it was written.
fn plain(config: &Config) -> impl PartialEq + std::fmt::Debug + use<> {
    let Config { site, storages, holding, interfaces, dumptypes, dles, .. } = config.clone();
    (site, storages, holding, interfaces, dumptypes, dles)
}

#[test]
fn what_is_shown_reads_back_to_the_same_configuration() {
    let config = example();
    let shown = config::show(&config);
    let again = read(&shown).unwrap_or_else(|wrong| panic!("{wrong}\n{shown}"));
    assert_eq!(plain(&again), plain(&config));
}

#[test]
fn each_value_is_shown_with_the_place_it_comes_from() {
    insta::assert_snapshot!(config::show(&example()));
}

#[test]
fn every_setting_can_be_asked_for_and_serialised() {
    let config = example();
    let view = config::view(&config);
    let get = |path| view.get(path).map(ToString::to_string);
    assert_eq!(get("site.dumpcycle").as_deref(), Some("\"7 days\""));
    assert_eq!(get("dumpcycle").as_deref(), Some("\"7 days\""));
    assert_eq!(get("storage.monthly.runtapes").as_deref(), Some("6"));
    assert_eq!(get("dumptype.home.priority").as_deref(), Some("\"high\""));
    assert_eq!(get("storage.weekly.runtapes"), None);
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(json["storage"]["daily"]["taperalgo"], "largestfit");
    assert_eq!(json["dle"][0]["exclude"][2], "./*/.cache");
    assert_eq!(json["holdingdisk"]["ssd"]["use"], "-20 GiB");
    assert!(json["tapetype"]["slice"]["speed"].is_null());
}

/// A site that works, with a place for more.
fn site(more: &str, in_site: &str, in_storage: &str) -> String {
    format!(
        "[site]\n{in_site}\n[storage.daily]\n{in_storage}\n[changer.shelf]\ntype = \"vtape\"\ndirectory = \"v\"\nslots = 20\n\
         [tapetype.disk]\nlength = \"10 GiB\"\n[holdingdisk.h]\ndirectory = \"h\"\n[[dle]]\nhost = \"localhost\"\npath = \"/a\"\n{more}"
    )
}

#[test]
fn what_does_not_fit_together_is_a_mistake() {
    let dle = |rest: &str| format!("[[dle]]\nhost = \"localhost\"\n{rest}\n");
    let cases = [
        (
            site("", "runtapes = 30", ""),
            "a run of daily may use 30 volumes, and its changer has 20 slots",
        ),
        (
            site("", "", "taper-parallel-write = 2"),
            "2 volumes cannot be written at once in a run that may use 1",
        ),
        (
            site("", "runtapes = 9", "taper-parallel-write = 2"),
            "2 volumes cannot be written at once by 1 drives",
        ),
        (
            site("", "flush-threshold-dumped = 3", ""),
            "flush-threshold-dumped (3) must not exceed flush-threshold-scheduled (0)",
        ),
        (
            site("", "flush-threshold-scheduled = 9\ntaperflush = 5", ""),
            "would stay there for good",
        ),
        (site("", "", "vault = [{ storage = \"daily\" }]"), "a storage cannot be its own vault"),
        (site("", "", "vault = [{ storage = \"weekly\" }]"), "there is no storage \"weekly\""),
        (site("", "labelstr = \"^X\"\nautolabel = \"D%%\"", ""), "labelstr does not fit \"D01\""),
        (site("", "org = \"A & B\"\nautolabel = \"$o%%\"", ""), "would be called \"A & B01\""),
        (
            site("[holdingdisk.i]\ndirectory = \"./h\"\n", "", ""),
            "the holding disk \"h\" has this directory already",
        ),
        (
            site("[holdingdisk.i]\ndirectory = \"v\"\n", "", ""),
            "the holding disk and the changer \"shelf\" have the same directory",
        ),
        (site("[holdingdisk.i]\ndirectory = \"v/x\"\n", "", ""), "lie inside each other"),
        (site("[pool.x]\n", "", "tapepool = \"y\""), "there is no pool \"y\""),
        (site("[storage.other]\n", "", ""), "none is said to be the one that runs write to"),
        (site("", "storage = []", ""), "a run has to write to at least one storage"),
        (site("", "mailto = [\"a@b, c@d\"]", ""), "\"a@b, c@d\" is no address of mail"),
        (site("", "mailto = [\"-oQ/tmp\"]", ""), "\"-oQ/tmp\" is no address of mail"),
        (site("", "smtp-login = \"login\"", ""), "the server that smtp names, and there is none"),
        (
            site("", "smtp = \"smtp://mail\"\nsmtp-login = \"login\"", ""),
            "the password would go to smtp://mail for all to read",
        ),
        (site("", "smtp-ca = \"ca.pem\"", ""), "smtp-ca is for the server that smtp names"),
        (
            site("", "smtp = \"smtp://localhost\"\nsmtp-ca = \"ca.pem\"", ""),
            "the connection to smtp://localhost is not encrypted",
        ),
        (
            site(
                "[changer.two]\ntype = \"vtape\"\ndirectory = \"v\"\nslots = 2\n",
                "",
                "tpchanger = \"two\"",
            ),
            "the changer \"shelf\" has this directory already",
        ),
        (
            site(
                "[tapetype.t]\nlength = \"1 GiB\"\npart-size = \"2 GiB\"\n",
                "",
                "tapetype = \"t\"",
            ),
            "a part cannot be longer than the volume",
        ),
        (
            site(&dle("path = \"/a\""), "", ""),
            "localhost:/a is a DLE already, in line 13 of /etc/reelkeep/site/reelkeep.toml",
        ),
        (site(&dle("path = \"/a/\""), "", ""), "localhost:/a is a DLE already"),
        (
            site("[[dle]]\nhost = \"LocalHost\"\npath = \"/b\"\n", "", ""),
            "the host \"LocalHost\" is spelled \"localhost\" elsewhere",
        ),
        (site("[[dle]]\nhost = \"a:b\"\npath = \"/b\"\n", "", ""), "cannot be a host"),
        (
            site(&dle("path = \"/b\"\nskip-full = true\nskip-incr = true"), "", ""),
            "would never be dumped",
        ),
        (site(&dle(&format!("path = \"/{}\"", "x".repeat(300))), "", ""), "is not a DLE name"),
        (
            site("", "", "").replace("[holdingdisk.h]\ndirectory = \"h\"\n", "")
                + "holdingdisk = \"required\"\n",
            "has to wait on a holding disk, and there is none",
        ),
        (site("exclude = [\"*\"]\n", "", ""), "exclude: \"*\" leaves out everything"),
        (
            site("include = [\"[a\"]\n", "", ""),
            "include: \"[a\" is not a pattern: unclosed character class",
        ),
        (site("exclude-if-present = [\"a/b\"]\n", "", ""), "the name of a file has no slashes"),
        (String::new(), "there is no storage"),
        ("[storage.x]\n".to_owned(), "has no changer, and there is none to have"),
        ("[storage.x]\n".to_owned(), "there is no DLE"),
    ];
    for (text, wanted) in cases {
        let said = match read(&text) {
            Ok(_) => panic!("{wanted}: nothing was said of\n{text}"),
            Err(complaints) => complaints.to_string(),
        };
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn what_looks_like_a_slip_is_a_hint() {
    let dle = |rest: &str| format!("[[dle]]\nhost = \"localhost\"\n{rest}\n");
    let cases = [
        (
            site("", "tapecycle = 21", ""),
            "20 volumes of daily are always kept, and its changer has 20 slots",
        ),
        (
            site(
                "[changer.robot]\ntype = \"robot\"\ndevice = \"X\"\n[storage.other]\ntpchanger = \"robot\"\n",
                "storage = [\"daily\", \"other\"]",
                "tpchanger = \"shelf\"",
            ),
            "the tapetype \"disk\" is used for directories and for tapes",
        ),
        (site("", "tapecycle = 5", ""), "fulls may be gone before the next are made"),
        (
            site("", "maxdumpsize = \"1 TiB\"", ""),
            "a run may plan 1.00 TiB, and its 1 volumes hold 10.0 GiB",
        ),
        (site("[policy.p]\n", "", ""), "nothing uses the policy \"p\""),
        (
            site("[storage.other]\n", "storage = [\"daily\"]", ""),
            "no run writes to the storage \"other\"",
        ),
        (site("[dumptype.p]\n", "", ""), "no DLE uses the dumptype \"p\""),
        (
            site("[[dle]]\nhost = \"web\"\npath = \"/b\"\n", "", ""),
            "web is dumped from the trees of this machine",
        ),
        (
            site(&dle("name = \"b\"\npath = \"/a\""), "", ""),
            "localhost:b is the same tree as localhost:/a",
        ),
        (site(&dle("name = \"_a\"\npath = \"/b\""), "", ""), "Amanda's tools cannot tell"),
        (
            site(&dle("path = \"/etc\""), "", ""),
            "localhost:/etc contains the holding disk, and would dump them too",
        ),
        (site("ignore = true\n", "", ""), "a run would dump nothing"),
        (
            site("", "", "dump-selection = [{ tag = \"db\" }]"),
            "waits for dumps with the tag \"db\", and no DLE has it",
        ),
        (
            site("", "", "").replace("[holdingdisk.h]\ndirectory = \"h\"\n", ""),
            "there is no holding disk",
        ),
        (
            site("", "", "").replace("10 GiB", "3 MiB"),
            "a volume of 3.00 MiB may have no room for a single frame",
        ),
    ];
    for (text, wanted) in cases {
        let config = read(&text).unwrap_or_else(|wrong| panic!("{wanted}: {wrong}\n{text}"));
        let said = config.hints.iter().any(|hint| hint.message.contains(wanted));
        assert!(said, "{wanted}: {}", config::pictures(&config.hints, false));
        assert!(config.hints.iter().all(|hint| hint.gravity == Gravity::Hint));
    }
}

/// A site whose volumes are in this changer.
fn site_with(changer: &str) -> String {
    site("", "", "").replace("type = \"vtape\"\ndirectory = \"v\"\nslots = 20\n", changer)
}

#[test]
fn tapes_have_large_blocks_long_parts_and_a_reserve() {
    let text =
        site_with("type = \"robot\"\ndevice = \"/dev/sg3\"\n").replace("\"10 GiB\"", "\"12 TB\"");
    let config = read(&text).unwrap_or_else(|wrong| panic!("{wrong}"));
    let tapetype = &config.storages[0].tapetype;
    assert_eq!(tapetype.blocksize, types::BlockSize::TAPE);
    assert_eq!(tapetype.part_size, Some(Bytes::GIB.times(32)));
    assert_eq!(tapetype.early_warning, Some(Bytes(1_000_000_000)));
    assert!(!tapetype.compression);
    assert_eq!(config.storages[0].tapering.device_output_buffer_size, Bytes::MIB.times(512));
    let vtapes = read(&site("", "", "")).unwrap();
    let Tapetype { blocksize, part_size, early_warning, .. } = &vtapes.storages[0].tapetype;
    assert_eq!((*blocksize, *part_size, *early_warning), (types::BlockSize::HEADER, None, None));
}

#[test]
fn a_pool_may_have_blocks_of_its_own() {
    let text = site("[pool.daily]\nblocksize = \"1 MiB\"\n", "blocksize = \"2 MiB\"", "");
    let blocks = |text: &str| read(text).unwrap().storages[0].tapetype.blocksize.bytes();
    assert_eq!(blocks(&text), Bytes::MIB);
    let storage = site("[pool.daily]\nblocksize = \"1 MiB\"\n", "", "blocksize = \"64 KiB\"");
    assert_eq!(blocks(&storage), Bytes::KIB.times(64));
    assert_eq!(blocks(&site("", "blocksize = \"2 MiB\"", "")), Bytes::MIB.times(2));
}

#[test]
fn every_kind_of_changer_is_shown_so_that_it_reads_back() {
    let kinds = [
        "type = \"vtape\"\ndirectory = \"v\"\nslots = 20\ndrives = 2\n",
        "type = \"emulator\"\ndirectory = \"v\"\nslots = 40\nmail-slots = 4\ndrives = 2\ngeneration = \"LTO-9\"\n",
        "type = \"robot\"\ndevice = \"LIB0001\"\ncleaning = \"server\"\n",
        "type = \"robot\"\ndevice = \"/dev/sg3\"\neject-before-unload = false\n\
         drives = [{ name = \"left\", serial = \"1013000ABC\" }, { name = \"right\", node = \"/dev/sg5\" }]\n",
        "type = \"robot\"\ndevice = \"/dev/sg3\"\n\
         drives = [{ name = \"left\", serial = \"A\", bay = 1 }, { name = \"right\", node = \"/dev/sg5\", bay = 0 }]\n",
        "type = \"single\"\ndrive = \"/dev/nst0\"\n",
        "type = \"single\"\ndrive = \"1013000ABC\"\nwait-for-operator = 0\n",
    ];
    for kind in kinds {
        let config = read(&site_with(kind)).unwrap_or_else(|wrong| panic!("{wrong}\n{kind}"));
        let shown = config::show(&config);
        let again = read(&shown).unwrap_or_else(|wrong| panic!("{wrong}\n{shown}"));
        assert_eq!(plain(&again), plain(&config));
    }
}

#[test]
fn a_changer_that_cannot_be_is_a_mistake() {
    let robot = |rest: &str| format!("type = \"robot\"\ndevice = \"/dev/sg3\"\n{rest}\n");
    let cases = [
        ("slots = 7\n".to_owned(), "the changer \"shelf\" has no type"),
        ("type = \"robot\"\n".to_owned(), "the changer \"shelf\" has no device"),
        ("type = \"single\"\n".to_owned(), "the changer \"shelf\" has no drive"),
        (robot("slots = 7"), "a changer of type \"robot\" has no use for slots"),
        (robot("drives = 2"), "a robot says itself how many drives it has"),
        (robot("drives = []"), "a library without drives cannot be used"),
        (robot("drives = [{ name = \"a\" }]"), "the key \"serial\" or \"node\" is missing"),
        (
            robot("drives = [{ name = \"a\", serial = \"1\", node = \"/dev/sg1\" }]"),
            "a serial number and a node: one of them is enough",
        ),
        (
            robot("drives = [{ name = \"a\", serial = \"1\" }, { name = \"b\", serial = \"1\" }]"),
            "1 is given to another drive already",
        ),
        (
            robot(
                "drives = [{ name = \"a\", serial = \"1\", bay = 0 }, { name = \"b\", serial = \"2\", bay = 0 }]",
            ),
            "the bay is given to drive a already",
        ),
        (robot("cleaning = \"both\""), "\"both\" is none of the words it may be"),
        (
            "type = \"single\"\ndrive = \"/dev/st0\"\n".to_owned(),
            "\"/dev/st0\" rewinds the tape whenever a program closes it (did you mean \"/dev/nst0\"?)",
        ),
        (
            "type = \"single\"\ndrive = \"dev/nst0\"\n".to_owned(),
            "a device is named by its serial number, by a path that begins with \"/dev/\", or, if it is an emulated one, by \
             the whole path of its directory, which begins with \"/\"",
        ),
        (
            "type = \"emulator\"\ndirectory = \"e\"\nslots = 4\ndrives = \"auto\"\n".to_owned(),
            "the drives of such a changer are only counted",
        ),
        (
            "type = \"emulator\"\ndirectory = \"e\"\nslots = 4\ngeneration = \"LTO-11\"\n".to_owned(),
            "\"LTO-11\" is none of the words it may be",
        ),
        (
            "type = \"single\"\ndrive = \"/dev/nst0\"\n[changer.b]\ntype = \"single\"\ndrive = \"/dev/nst0\"\n"
                .to_owned(),
            "the changer \"shelf\" has this drive already",
        ),
    ];
    for (text, wanted) in cases {
        let said = match read(&site_with(&text)) {
            Ok(_) => panic!("{wanted}: nothing was said of\n{text}"),
            Err(complaints) => complaints.to_string(),
        };
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn dumptypes_that_inherit_without_end_are_refused_in_good_time() {
    let mut text = site("", "", "");
    for n in 0..60 {
        text.push_str(&format!(
            "[dumptype.d{n}]\ninherits = [\"d{0}\", \"d{0}\"]\nmaxdumps = 2\n",
            n + 1
        ));
    }
    let said = read(&text).unwrap_err().to_string();
    assert!(said.contains("more than 32 deep"), "{said}");
}

#[test]
fn ten_thousand_dles_are_read_in_no_time() {
    let mut text = site("", "", "");
    for n in 0..10_000 {
        text.push_str(&format!("[[dle]]\nhost = \"localhost\"\npath = \"/srv/{n}\"\n"));
    }
    assert_eq!(read(&text).unwrap().dles.len(), 10_001);
}

#[test]
fn every_key_is_in_the_manual() {
    let manual = include_str!("../../docs/manual/src/configuration.md");
    for (section, keys) in config::vocabulary() {
        assert!(manual.contains(&format!("`{section}`")), "{section}");
        for key in keys {
            assert!(manual.contains(&format!("`{key}`")), "{section} {key}");
        }
    }
}

#[test]
fn files_below_are_placed_by_their_own_names() {
    let files = [
        ("/s/reelkeep.toml", site("", "", "")),
        ("/s/dles/a.toml", "[[dle]]\nhosst = 1\n[site]\ninclude = []\n".to_owned()),
    ];
    let files = files.map(|(path, text)| (PathBuf::from(path), text));
    let complaints = config::read(&files).unwrap_err();
    let places: Vec<String> =
        complaints.0.iter().map(|c| format!("{}:{}", c.file.display(), c.line)).collect();
    assert_eq!(
        places,
        ["/s/dles/a.toml:1", "/s/dles/a.toml:1", "/s/dles/a.toml:2", "/s/dles/a.toml:3"]
    );
    assert!(complaints.0.iter().all(|c| c.file == Path::new("/s/dles/a.toml")));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Err(complaints) = read(&text) {
            prop_assert!(!complaints.0.is_empty());
            prop_assert!(!complaints.pictures(true).is_empty());
        }
    }

    #[test]
    fn no_change_of_a_real_file_makes_it_panic(
        wrong in any::<bool>(), at in 0usize..4000, cut in 0usize..40, put in "[\\[\\]{}\"'=,.a0 \n-]{0,6}",
    ) {
        let mut text = if wrong { WRONG } else { EXAMPLE }.to_owned();
        let floor = |n: usize| (0..=n.min(text.len())).rev().find(|n| text.is_char_boundary(*n)).unwrap_or(0);
        let range = floor(at)..floor(at + cut);
        text.replace_range(range, &put);
        match read(&text) {
            Ok(config) => prop_assert!(read(&config::show(&config)).is_ok()),
            Err(complaints) => prop_assert!(!complaints.pictures(false).is_empty()),
        }
    }
}

const SCRIPT: &str = "[script.mail]\nplugin = \"script-email\"\nexecute-on = [\"pre-backup\"]\n";

#[test]
fn a_script_is_shown_so_that_it_reads_back() {
    let script = format!(
        "{SCRIPT}execute-where = \"server\"\norder = 3\nsingle-execution = true\n\
         property = {{ MAILTO = [\"ops\", \"n\\\"ight\"], a_b = \"c\" }}\n"
    );
    let config = read(&site(&format!("script = [\"mail\"]\n{script}"), "", ""))
        .unwrap_or_else(|w| panic!("{w}"));
    let [mail] = config.scripts.as_slice() else { panic!("one script") };
    assert_eq!(mail.execute_on, [types::ScriptPoint::PreBackup]);
    assert_eq!((mail.order, mail.single_execution), (3, true));
    assert_eq!(mail.property["mailto"], ["ops", "n\"ight"]);
    assert_eq!(mail.property["a-b"], ["c"]);
    assert_eq!(config.dles[0].dumping.script, ["mail"]);
    let again = read(&config::show(&config)).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(again.scripts, config.scripts);
    assert_eq!(again.dles, config.dles);
}

#[test]
fn what_is_wrong_with_a_script_is_said() {
    let cases = [
        ("script = [\"mial\"]", SCRIPT, "there is no script \"mial\""),
        ("", "[script.x]\nplugin = \"/bin/sh\"\n", "is not the name of a program"),
        ("", "[script.x]\n", "a script needs a plugin"),
        ("", "[script.x]\nplugin = \"p\"\nproperty = { \"a b\" = 1 }\n", "the name of a property"),
        ("", "[script.x]\nplugin = \"p\"\nexecute-on = [\"pre-lunch\"]\n", "pre-lunch"),
    ];
    for (dle, more, wanted) in cases {
        let said = read(&site(&format!("{dle}\n{more}"), "", "")).unwrap_err().to_string();
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let unused = read(&site("[script.x]\nplugin = \"p\"\n", "", "")).unwrap();
    let hints = config::pictures(&unused.hints, false);
    assert!(hints.contains("is never run"), "{hints}");
}
