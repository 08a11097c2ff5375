# Embeds a room's SQL files: awk -v room=dispatch -v want=source|header -f embed_sql.awk FILE...
# ROOM/sql/NAME.sql becomes a statement, ROOM/migrations/NNNN_NAME.sql a migration (common/records/statement.h). The text
# is the file's, byte for byte; so files end with a newline.
function path_of(file,    parts, count) {
    count = split(file, parts, "/")
    folder = parts[count - 1]
    base = parts[count]
    sub(/\.sql$/, "", base)
}

function text_end() {
    if (!open)
        return
    print ";\n"
    open = 0
}

FNR == 1 {
    text_end()
    path_of(FILENAME)
    if (folder == "migrations")
        migrations[++migration_count] = base
    else
        statements[++statement_count] = base
    if (want == "source") {
        printf "static const char %s_text_%s[] =", folder, base
        open = 1
    }
}

want == "source" {
    # A question mark too: two of them may begin a trigraph.
    gsub(/[\\"?]/, "\\\\&")
    gsub(/\t/, "\\t")
    gsub(/\r/, "\\r")
    printf "\n    \"%s\\n\"", $0
}

BEGIN {
    print "/* Made from the SQL files of " room " by deploy/embed_sql.awk. */"
    if (want == "header") {
        guard = "ZTC_GEN_" toupper(room) "_SQL_H"
        print "#ifndef " guard "\n#define " guard "\n\n#include <stddef.h>\n\n#include \"records/statement.h\"\n"
    } else {
        print "#include \"" room "_sql.h\"\n"
    }
}

END {
    text_end()
    if (want == "header") {
        for (i = 1; i <= statement_count; i++)
            print "extern const struct statement " room "_sql_" statements[i] ";"
        print "extern const struct statement *const " room "_sql_all[]; /* ends with NULL */"
        print "extern const size_t " room "_sql_count;"
        print "extern const struct migration " room "_migrations[]; /* in order; ends with number 0 */"
        print "extern const size_t " room "_migrations_count;"
        print "\n#endif"
        exit
    }
    for (i = 1; i <= statement_count; i++)
        printf "const struct statement %s_sql_%s = {\"%s_%s\", sql_text_%s};\n", room, statements[i], room, statements[i], statements[i]
    printf "const struct statement *const %s_sql_all[] = {", room
    for (i = 1; i <= statement_count; i++)
        printf "\n    &%s_sql_%s,", room, statements[i]
    printf "\n    NULL};\nconst size_t %s_sql_count = %d;\n", room, statement_count
    printf "const struct migration %s_migrations[] = {", room
    for (i = 1; i <= migration_count; i++)
        printf "\n    {%d, \"%s\", migrations_text_%s},", migrations[i], migrations[i], migrations[i]
    printf "\n    {0, NULL, NULL}};\nconst size_t %s_migrations_count = %d;\n", room, migration_count
}
