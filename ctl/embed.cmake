# Writes OUT: a C file with the parts of the report's page as text. Bytes stand as numbers, because
# compilers limit the length of string literals.
set(content "/* Made by embed.cmake. */\n#include \"ctl/report.h\"\n")
foreach(part html css js)
  file(READ ${CMAKE_CURRENT_LIST_DIR}/report.${part} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND content "const char report_${part}[] = {${bytes}0};\n")
endforeach()
file(WRITE ${OUT} "${content}")
