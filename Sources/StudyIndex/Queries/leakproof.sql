-- Under row-level security only functions that cannot leak what they are given may be asked before the policy is, and only
-- those reach an index. left() is one, but PostgreSQL does not say so; without it restricted searches by patient, name and
-- accession number read their whole facility. It takes a superuser, and does not survive a dump: asked each time.
DO $$
BEGIN
    IF NOT (SELECT proleakproof FROM pg_proc WHERE oid = 'left(text, int4)'::regprocedure)
       AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        ALTER FUNCTION pg_catalog.left(text, int4) LEAKPROOF;
    END IF;
END $$
