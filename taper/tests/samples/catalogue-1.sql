PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE runs (
    stamp    TEXT PRIMARY KEY NOT NULL,
    kind     TEXT NOT NULL,
    started  TEXT NOT NULL,
    finished TEXT,
    status   TEXT NOT NULL,
    program  TEXT NOT NULL
) STRICT;
INSERT INTO runs VALUES('20260102120000','dump','20260102120000','20260102120000','good','test');
INSERT INTO runs VALUES('20260103120000','dump','20260103120000',NULL,'unfinished','test');
CREATE TABLE dles (
    id    INTEGER PRIMARY KEY,
    host  TEXT NOT NULL,
    dle   TEXT NOT NULL,
    since TEXT NOT NULL,
    gone  TEXT,                         -- no longer on the disk list since then
    UNIQUE (host, dle)
) STRICT;
INSERT INTO dles VALUES(1,'host','/data','20260101120000',NULL);
CREATE TABLE dumps (
    id       TEXT PRIMARY KEY NOT NULL,
    dle      INTEGER NOT NULL REFERENCES dles,
    run      TEXT NOT NULL REFERENCES runs,
    level    INTEGER NOT NULL,
    base     TEXT,                      -- no reference: the base may be known only to a volume
    status   TEXT NOT NULL,
    started  TEXT NOT NULL,
    finished TEXT NOT NULL,
    millis   INTEGER NOT NULL,
    raw      INTEGER NOT NULL,
    stored   INTEGER NOT NULL,
    entries  INTEGER NOT NULL,
    frames   INTEGER NOT NULL,
    idx_sha  TEXT,
    expired  TEXT                       -- nowhere to be had since then
) STRICT;
INSERT INTO dumps VALUES('00000000000107070707070707070707',1,'20260102120000',0,NULL,'good','20260102120000','20260102120000',1500,3600,1200,12,6,NULL,NULL);
INSERT INTO dumps VALUES('00000000000207070707070707070707',1,'20260103120000',1,'00000000000107070707070707070707','strange','20260103120000','20260103120000',1500,3600,1200,12,6,'abababababababababababababababababababababababababababababababab',NULL);
CREATE TABLE messages (
    dump     TEXT NOT NULL REFERENCES dumps ON DELETE CASCADE,
    no       INTEGER NOT NULL,
    severity TEXT NOT NULL,
    path     BLOB NOT NULL,
    text     TEXT NOT NULL,
    PRIMARY KEY (dump, no)
) STRICT, WITHOUT ROWID;
INSERT INTO messages VALUES('00000000000207070707070707070707',0,'strange',X'61ff','it shrank');
CREATE TABLE held (
    dump  TEXT PRIMARY KEY NOT NULL REFERENCES dumps,
    path  BLOB NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
INSERT INTO held VALUES('00000000000207070707070707070707',X'2f686f6c64696e672f32303236303130333132303030302f686f73742e646174612e31',1300);
CREATE TABLE volumes (
    label     TEXT PRIMARY KEY NOT NULL,
    pool      TEXT NOT NULL,
    storage   TEXT NOT NULL,
    barcode   TEXT,
    slot      INTEGER,
    block     INTEGER NOT NULL,         -- block size
    state     TEXT NOT NULL,
    labelled  TEXT,                     -- the stamp in its label
    first     TEXT,                     -- run that wrote it first since it was labelled
    last      TEXT,                     -- run that wrote it last
    next_file INTEGER NOT NULL,         -- where the next file begins
    next_at   INTEGER,                  -- and at which block of the drive's count
    bytes     INTEGER NOT NULL,
    lock      TEXT NOT NULL DEFAULT ''  -- '', 'no-reuse', or the stamp until which
) STRICT;
INSERT INTO volumes VALUES('V1','daily','lib','AB1234L8',3,32768,'active',NULL,'20260102120000','20260102120000',2,20,1200,'20260210120000');
INSERT INTO volumes VALUES('V2','daily','lib',NULL,NULL,32768,'active',NULL,'20260103120000','20260103120000',2,20,600,'');
CREATE TABLE copies (
    dump    TEXT NOT NULL REFERENCES dumps,
    storage TEXT NOT NULL,
    state   TEXT NOT NULL,
    PRIMARY KEY (dump, storage)
) STRICT, WITHOUT ROWID;
INSERT INTO copies VALUES('00000000000107070707070707070707','lib','complete');
INSERT INTO copies VALUES('00000000000207070707070707070707','lib','partial');
CREATE TABLE parts (
    dump        TEXT NOT NULL,
    storage     TEXT NOT NULL,
    no          INTEGER NOT NULL,
    run         TEXT NOT NULL REFERENCES runs,  -- that wrote it
    label       TEXT NOT NULL REFERENCES volumes,
    file        INTEGER NOT NULL,
    block       INTEGER,
    first_frame INTEGER NOT NULL,
    last_frame  INTEGER NOT NULL,
    offset      INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    sha_so_far  TEXT,
    crc_so_far  INTEGER,
    PRIMARY KEY (dump, storage, no),
    FOREIGN KEY (dump, storage) REFERENCES copies
) STRICT, WITHOUT ROWID;
INSERT INTO parts VALUES('00000000000107070707070707070707','lib',1,'20260102120000','V1',1,10,0,5,0,1200,NULL,NULL);
INSERT INTO parts VALUES('00000000000207070707070707070707','lib',1,'20260103120000','V2',1,10,0,2,0,600,NULL,NULL);
CREATE TABLE history (
    dle     INTEGER NOT NULL REFERENCES dles,
    run     TEXT NOT NULL,
    dump    TEXT NOT NULL,
    level   INTEGER NOT NULL,
    raw     INTEGER NOT NULL,
    stored  INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    millis  INTEGER NOT NULL,
    PRIMARY KEY (dle, run, dump)
) STRICT, WITHOUT ROWID;
INSERT INTO history VALUES(1,'20260102120000','00000000000107070707070707070707',0,3600,1200,12,1500);
INSERT INTO history VALUES(1,'20260103120000','00000000000207070707070707070707',1,3600,1200,12,1500);
CREATE TABLE requests (
    id   INTEGER PRIMARY KEY,
    dle  INTEGER NOT NULL REFERENCES dles,
    ask  TEXT NOT NULL,
    made TEXT NOT NULL,
    UNIQUE (dle, ask)
) STRICT;
INSERT INTO requests VALUES(1,1,'full','20260103120000');
CREATE TABLE pins (
    id    INTEGER PRIMARY KEY,
    dump  TEXT NOT NULL REFERENCES dumps,
    why   TEXT NOT NULL,
    until TEXT
) STRICT;
INSERT INTO pins VALUES(1,'00000000000107070707070707070707','a restore reads it','20260104120000');
CREATE TABLE events (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    at   TEXT NOT NULL,
    run  TEXT,
    kind TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
INSERT INTO events VALUES(1,'20260101120000',NULL,'volume','V1 is labelled');
INSERT INTO events VALUES(2,'20260101120000',NULL,'volume','V2 is labelled');
INSERT INTO events VALUES(3,'20260102120000','20260102120000','run','dump run 20260102120000 begins');
INSERT INTO events VALUES(4,'20260102120000','20260102120000','dump','level 0 of host:/data is held: 1.17 KiB');
INSERT INTO events VALUES(5,'20260102120000','20260102120000','dump','level 0 of host:/data is placed in lib on V1');
INSERT INTO events VALUES(6,'20260102120000','20260102120000','run','run 20260102120000 is over: good');
INSERT INTO events VALUES(7,'20260103120000','20260103120000','run','dump run 20260103120000 begins');
INSERT INTO events VALUES(8,'20260103120000','20260103120000','dump','level 1 of host:/data is held: 1.17 KiB');
INSERT INTO events VALUES(9,'20260103120000',NULL,'operator','full is asked for host:/data');
INSERT INTO events VALUES(10,'20260103120000',NULL,'operator','V1 is not to be reused before 2026-02-10');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('events',10);
CREATE INDEX dumps_by_dle ON dumps (dle, run);
CREATE INDEX dumps_by_run ON dumps (run);
CREATE INDEX dumps_by_base ON dumps (base) WHERE base IS NOT NULL;
CREATE INDEX volumes_by_last ON volumes (last);
CREATE UNIQUE INDEX parts_by_place ON parts (label, file);
CREATE INDEX parts_by_run ON parts (run);
CREATE INDEX events_by_run ON events (run);
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE TRIGGER events_last BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
COMMIT;
PRAGMA user_version = 1;
