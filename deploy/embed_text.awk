# Embeds a text file as a C string: awk -v name=live_lua_queue -f embed_text.awk FILE
BEGIN {
    guard = "ZTC_GEN_" toupper(name) "_H"
    print "/* Made by deploy/embed_text.awk. */\n#ifndef " guard "\n#define " guard "\n"
    printf "static const char %s[] =", name
}
{
    gsub(/[\\"?]/, "\\\\&")
    gsub(/\t/, "\\t")
    gsub(/\r/, "\\r")
    printf "\n    \"%s\\n\"", $0
}
END {
    print ";\n\n#endif"
}
