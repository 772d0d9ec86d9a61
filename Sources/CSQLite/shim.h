// Debian's library has sessions; its header shows them only to those who ask.
#define SQLITE_ENABLE_SESSION
#define SQLITE_ENABLE_PREUPDATE_HOOK
#include <sqlite3.h>

// Text that SQLite copies. Swift cannot write the constant, which is a function pointer of -1.
static inline int concord_bind_text(sqlite3_stmt *statement, int index, const char *text, int bytes) {
    return sqlite3_bind_text(statement, index, text, bytes, SQLITE_TRANSIENT);
}

// Variadic in C. No SQL may write to the schema or below virtual tables; and where the schema is not trusted, nothing in it
// may run what has effects. FTS5 counts as that when a trigger writes to it. Plans do not depend on values: else each
// statement with a GLOB is prepared anew for each new pattern.
static inline int concord_harden(sqlite3 *database, int trusts_schema) {
    int status = sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, trusts_schema, (int *)0);
    status = status ? status : sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_QPSG, 1, (int *)0);
    return status ? status : sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
}
