BEGIN TRANSACTION;
CREATE TABLE condition_names (
            id INTEGER PRIMARY KEY,
            condition TEXT NOT NULL,
            source TEXT NOT NULL,
            target TEXT NOT NULL,
            model TEXT NOT NULL,
            strategy TEXT NOT NULL,
            cut INTEGER NOT NULL,
            fraction REAL NOT NULL,
            num_blocks INTEGER NOT NULL,
            merged INTEGER NOT NULL,
            factors TEXT NOT NULL, digest BLOB, learning_rate REAL, rates TEXT, search TEXT,
            UNIQUE (source, target, model, strategy, cut, fraction, factors)
        ) STRICT
        ;
INSERT INTO "condition_names" VALUES(1,'cccccccccccccccccccccccccccccccc','mnist[0,1]','mnist[2,3]','plain_cnn','freeze',2,0.1,6,1,'{"optimizer":"adam"}',X'27515A3074BFAF89B90F3F8634C21881',NULL,NULL,NULL);
CREATE TABLE environments (
            key TEXT PRIMARY KEY,
            layercut_version TEXT NOT NULL,
            code_version TEXT NOT NULL,
            python_version TEXT NOT NULL,
            libraries TEXT NOT NULL,
            platform TEXT NOT NULL,
            processor TEXT NOT NULL,
            num_cores INTEGER NOT NULL,
            device TEXT NOT NULL
        , digest BLOB) STRICT
        ;
INSERT INTO "environments" VALUES('e','0.1','abc','3.11','{"torch":"2.9"}','Linux','x86',2,'cpu',X'21DAECA50CAB66AAD8436B6412C454F3');
CREATE TABLE failures (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            job TEXT NOT NULL,
            condition TEXT,
            replicate INTEGER,
            kind TEXT NOT NULL,
            message TEXT NOT NULL,
            traceback TEXT NOT NULL,
            curve BLOB NOT NULL,
            device TEXT,
            environment TEXT,
            wall_seconds REAL
        , learning_rates BLOB, digest BLOB, validation_scores BLOB) STRICT
        ;
INSERT INTO "failures" VALUES(1,'ffffffffffffffffffffffffffffffff','transfer','cccccccccccccccccccccccccccccccc',4,'diverged','loss is NaN','Traceback',X'01000000000000000000F07F9A9999999999B93F0000000000000000000000000000000000','cpu','e',0.1,NULL,X'6DCE92A508A52D4C36B72ED38740FB35',NULL);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL, digest BLOB) STRICT;
INSERT INTO "meta" VALUES('study_name','"demo"',X'D1DB57C70B76FDD83272C7982605BFCA');
CREATE TABLE pilots (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            search TEXT NOT NULL,
            learning_rate REAL NOT NULL,
            replicate INTEGER NOT NULL,
            diverged INTEGER NOT NULL,
            validation_accuracy REAL,
            validation_loss REAL,
            best_epoch INTEGER,
            num_epochs INTEGER,
            curve BLOB NOT NULL,
            split_hash TEXT,
            checkpoint_hash TEXT,
            precision TEXT,
            device TEXT,
            environment TEXT,
            wall_seconds REAL,
            learning_rates BLOB,
            digest BLOB
        , validation_scores BLOB) STRICT
        ;
INSERT INTO "pilots" VALUES(1,'99999999999999999999999999999999','88888888888888888888888888888888',0.0003,-1,0,6.66666666666666629659e-01,0.7,2,2,X'01000000343333333333D33F555555555555D53F00000000000000000000000000000000000200000059F3F8C21F6EA501CDCCCCCCCCCCEC3F666666666666E63F010000000000000003','ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss','wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','float32','cpu','e',0.7,NULL,X'8BE6A584A201894B2696E7C34B5F3333',NULL);
CREATE TABLE pretrainings (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            source TEXT NOT NULL,
            model TEXT NOT NULL,
            train_accuracy REAL NOT NULL,
            validation_accuracy REAL,
            test_accuracy REAL NOT NULL,
            best_epoch INTEGER,
            num_epochs INTEGER NOT NULL,
            curve BLOB NOT NULL,
            checkpoint_hash TEXT NOT NULL,
            seeds TEXT NOT NULL,
            precision TEXT,
            device TEXT,
            num_threads INTEGER,
            environment TEXT,
            wall_seconds REAL
        , learning_rates BLOB, digest BLOB, validation_scores BLOB) STRICT
        ;
INSERT INTO "pretrainings" VALUES(1,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','mnist[0,1]','plain_cnn',0.9,NULL,0.8,2,2,X'01000000343333333333D33F555555555555D53F00000000000000000000000000000000000200000059F3F8C21F6EA501CDCCCCCCCCCCEC3F666666666666E63F010000000000000003','wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','{"order":1}','float32','cpu',2,'e',10.0,NULL,X'76B22AE4AA893F29F9A8D47506CCC0BC',NULL);
CREATE TABLE probes (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            probe TEXT NOT NULL,
            source TEXT NOT NULL,
            layer TEXT NOT NULL,
            fraction REAL NOT NULL,
            replicate INTEGER NOT NULL,
            dataset TEXT NOT NULL,
            split TEXT NOT NULL,
            scores TEXT NOT NULL,
            environment TEXT,
            wall_seconds REAL
        , probing TEXT NOT NULL DEFAULT '', target TEXT NOT NULL DEFAULT '', model TEXT NOT NULL DEFAULT '', cut INTEGER, num_images INTEGER, split_hash TEXT, seed INTEGER, checkpoint_hash TEXT, device TEXT, digest BLOB) STRICT
        ;
INSERT INTO "probes" VALUES(1,'dddddddddddddddddddddddddddddddd','clustering','mnist[0,1]','conv0',0.1,0,'target','train','{"ari":0.1}','e',0.5,'','','',NULL,NULL,NULL,NULL,NULL,NULL,X'4C7714B4114E41B1660DF8D8A284A953');
CREATE TABLE trial_details (
            trial INTEGER PRIMARY KEY REFERENCES trials (id),
            seeds TEXT NOT NULL,
            classification_report TEXT,
            curve BLOB NOT NULL
        , log_accuracies TEXT NOT NULL DEFAULT '{}', learning_rates BLOB, digest BLOB, validation_scores BLOB) STRICT
        ;
INSERT INTO "trial_details" VALUES(1,'{"order":9223372036854775807}','{"5":{"recall":0.25}}',X'01000000343333333333D33F555555555555D53F00000000000000000000000000000000000200000059F3F8C21F6EA501CDCCCCCCCCCCEC3F666666666666E63F010000000000000003','{}',NULL,X'F44B90DEAF10EAA52F1A25AA95C1D300',NULL);
CREATE TABLE "trials" (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            condition TEXT NOT NULL,
            replicate INTEGER NOT NULL,
            train_accuracy REAL NOT NULL,
            validation_accuracy REAL,
            test_accuracy REAL,
            test_loss REAL,
            best_epoch INTEGER,
            num_epochs INTEGER,
            num_train_images INTEGER,
            num_validation_images INTEGER,
            num_test_images INTEGER,
            num_duplicates_dropped INTEGER,
            num_trained_parameters INTEGER,
            num_parameters INTEGER,
            frozen_unchanged INTEGER,
            split_hash TEXT,
            checkpoint_hash TEXT,
            precision TEXT,
            device TEXT,
            num_threads INTEGER,
            environment TEXT,
            wall_seconds REAL,
            log_area REAL,
            num_validation_looks INTEGER,
            validation_loss REAL,
            num_folds INTEGER,
            stop_reason TEXT,
            num_steps INTEGER,
            digest BLOB,
            penalty_strength REAL
        , validation_balanced_accuracy REAL, validation_macro_f1 REAL, test_balanced_accuracy REAL, test_macro_f1 REAL, num_effective_validation_images REAL, num_effective_test_images REAL) STRICT
        ;
INSERT INTO "trials" VALUES(1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','cccccccccccccccccccccccccccccccc',3,3.00000000000000044408e-01,6.66666666666666629659e-01,1.42857142857142849212e-01,0.3,2,2,90,10,500,1,1000000000,10000000000,1,'ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss','wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww','float32','cpu',1,'e',1.5,NULL,NULL,NULL,NULL,NULL,NULL,X'A2E5142367A3AF816C7A139EF7B1F2DC',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE INDEX condition_names_by_condition ON condition_names (condition);
CREATE INDEX failures_by_job_and_kind ON failures (job, kind);
CREATE INDEX pilots_by_search ON pilots (search);
COMMIT;
