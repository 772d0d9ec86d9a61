UPDATE source_lease SET expires = clock_timestamp() + make_interval(secs => $2) WHERE id = $1
