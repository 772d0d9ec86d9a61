-- Enters facilities that are new. $1 names
INSERT INTO facility (name) SELECT DISTINCT name FROM unnest($1::text[]) AS n (name) ORDER BY name
ON CONFLICT (name) DO NOTHING
