"""Eight real PACS on loopback, filled with seeded studies, and the truth about what each of them answers."""
