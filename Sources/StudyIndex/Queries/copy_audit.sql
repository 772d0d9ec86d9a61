COPY audit (chain, batch, position, recorded, record) FROM STDIN (FORMAT binary)
