# Target `header_check`: every header compiles alone. A header beside a source of its name needs no test of its own: the
# source includes it first (tools/check-layers sees to that). Each other header gets a generated source that does nothing
# else; nothing is linked. What a precompiled header hides of the headers of others, tools/check-includes finds.
# tools/check-headers builds it.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/*.h ${PROJECT_SOURCE_DIR}/tests/testing/*.h)

set(header_sources "")
foreach(header ${headers})
  string(REGEX REPLACE "\\.h$" ".cpp" own_source ${header})
  if(EXISTS ${own_source})
    continue()
  endif()
  file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR} ${header})
  string(REGEX REPLACE "^(src|tests)/" "" include_name ${name})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/header_check/${include_name}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"@include_name@\"\n" @ONLY)
  list(APPEND header_sources ${source})
endforeach()

add_library(header_check OBJECT EXCLUDE_FROM_ALL ${header_sources})
target_include_directories(header_check PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
target_compile_options(header_check PRIVATE -Wno-unused)
countersign_precompiled(header_check net)
foreach(module ${COUNTERSIGN_MODULES})
  if(TARGET countersign_${module})
    target_link_libraries(header_check PRIVATE countersign_${module})
  endif()
endforeach()
target_link_libraries(header_check PRIVATE GTest::gtest)
