-- $1 folded names. The id of each, in their order; NULL: nobody has had it.
SELECT n.id FROM unnest($1::text[]) WITH ORDINALITY AS k (key, position)
LEFT JOIN LATERAL (SELECT id FROM person_name WHERE key = k.key OFFSET 0) AS n ON true
ORDER BY k.position
