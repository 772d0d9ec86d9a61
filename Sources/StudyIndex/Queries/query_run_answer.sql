-- $1 id
SELECT answer FROM query_run WHERE id = $1
