# cmake -DTEXT=FILE -DSOURCE=FILE.cpp -DHEADER=INCLUDE -DFUNCTION=NAMESPACE::NAME -P embed_text.cmake
# Writes a source that defines FUNCTION(), declared in HEADER: the text as it stands in the file.
file(READ "${TEXT}" text)
string(REGEX REPLACE "::[^:]*$" "" namespace "${FUNCTION}")
string(REGEX REPLACE "^.*::" "" name "${FUNCTION}")
file(WRITE "${SOURCE}"
  "#include \"${HEADER}\"\n\nnamespace ${namespace} {\n\nstd::string_view ${name}() {\n  return R\"embedded(${text})embedded\";\n}\n\n}  // namespace ${namespace}\n")
