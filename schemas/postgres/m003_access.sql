-- Who may see what, and what was asked.

-- API keys: only a hash is kept.

CREATE TABLE api_key (
    id                  text PRIMARY KEY,
    name                text NOT NULL CHECK (name <> ''),
    -- SHA-256 of the secret, which has 256 random bits and needs no salt.
    hash                bytea NOT NULL CHECK (length(hash) = 32),
    scopes              text[] NOT NULL CHECK (cardinality(scopes) > 0 AND scopes <@ '{query,report,admin,metrics}'),
    -- What it may see; empty: everything.
    facilities          text[] NOT NULL DEFAULT '{}',
    -- NULL: the server's own limits.
    requests_per_second int4 CHECK (requests_per_second > 0),
    concurrent_requests int4 CHECK (concurrent_requests > 0),
    created             timestamptz NOT NULL DEFAULT now(),
    expires             timestamptz,
    revoked             timestamptz
);
CREATE INDEX api_key_name ON api_key (name);

-- The second wall: callers whose facilities are restricted ask as this role, and row-level security shows it the copies of
-- the facilities whose ids concord.facilities lists, whatever a statement asks for. It sees no consolidated study, because that
-- may hold what another facility's copy says. Reading as the owner pays nothing for it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'concord_scoped') THEN
        CREATE ROLE concord_scoped NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, 'concord_scoped', 'MEMBER') THEN
        EXECUTE format('GRANT concord_scoped TO %I', current_user);
    END IF;
EXCEPTION
    -- Another database of this server is being migrated.
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN
        RAISE insufficient_privilege USING MESSAGE = 'this user may not create roles: let an administrator run '
            '"CREATE ROLE concord_scoped NOLOGIN; GRANT concord_scoped TO <this user>"';
END $$;

GRANT SELECT ON observation, series_observation, series_sweep, person_name, discrepancy, facility, facility_rule
    TO concord_scoped;
GRANT SELECT (id, name, ae_title, issuer, priority) ON source TO concord_scoped;

-- Nothing set is nothing seen.
CREATE FUNCTION visible_facilities() RETURNS int4[] LANGUAGE sql STABLE AS
$$ SELECT string_to_array(current_setting('concord.facilities', true), ',')::int4[] $$;

ALTER TABLE observation ENABLE ROW LEVEL SECURITY;
ALTER TABLE series_observation ENABLE ROW LEVEL SECURITY;
ALTER TABLE series_sweep ENABLE ROW LEVEL SECURITY;
ALTER TABLE person_name ENABLE ROW LEVEL SECURITY;
ALTER TABLE discrepancy ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON observation FOR SELECT TO concord_scoped
    USING (facility_id = ANY ((SELECT visible_facilities())::int4[]));
CREATE POLICY visible ON series_observation FOR SELECT TO concord_scoped
    USING (EXISTS (SELECT 1 FROM observation o
                   WHERE o.study_uid = series_observation.study_uid AND o.source_id = series_observation.source_id));
CREATE POLICY visible ON series_sweep FOR SELECT TO concord_scoped
    USING (EXISTS (SELECT 1 FROM observation o
                   WHERE o.study_uid = series_sweep.study_uid AND o.source_id = series_sweep.source_id));
-- Names that a visible copy bears.
CREATE POLICY visible ON person_name FOR SELECT TO concord_scoped
    USING (EXISTS (SELECT 1 FROM observation o WHERE o.name_id = person_name.id)
           OR EXISTS (SELECT 1 FROM observation o WHERE o.physician_name_id = person_name.id));
-- Every copy that bears witness has to be visible.
CREATE POLICY visible ON discrepancy FOR SELECT TO concord_scoped
    USING (jsonb_array_length(frozen -> 'values') > 0 AND NOT EXISTS (
        SELECT 1 FROM jsonb_array_elements(frozen -> 'values') AS witness
        WHERE NOT EXISTS (SELECT 1 FROM observation o JOIN source s ON s.id = o.source_id
                          WHERE o.study_uid = witness ->> 'study_uid' AND s.name = witness ->> 'source')));

-- The audit trail, as the servers' spools have recorded it: records as they were hashed, in sealed batches, one chain for
-- each process. Appended to, and nothing else.
CREATE TABLE audit_seal (
    chain               text NOT NULL,
    batch               int8 NOT NULL,
    records             int4 NOT NULL CHECK (records >= 0),
    -- SHA-256 of the batch before and of this one's records.
    hash                bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (chain, batch)
);
CREATE TABLE audit (
    chain               text NOT NULL,
    batch               int8 NOT NULL,
    position            int4 NOT NULL,
    recorded            timestamptz NOT NULL,
    record              text NOT NULL,
    PRIMARY KEY (chain, batch, position)
);
CREATE INDEX audit_recorded ON audit USING brin (recorded);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit trail is only appended to'; END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
