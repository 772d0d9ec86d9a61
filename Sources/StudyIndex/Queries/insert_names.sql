-- $1 folded names in the order in which all merges enter them, $2 the terms of each joined by \n. What another merge has
-- entered meanwhile stays.
INSERT INTO person_name (key, terms)
SELECT n.key, array_to_tsvector(string_to_array(n.terms, E'\n'))
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS n (key, terms, position)
ORDER BY n.position
ON CONFLICT (key) DO NOTHING
