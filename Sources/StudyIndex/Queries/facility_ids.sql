-- $1 names
SELECT name, id FROM facility WHERE name = ANY ($1)
