COPY staged_link (left_number, right_number, grade, weight, caution, evidence) FROM STDIN (FORMAT binary)
