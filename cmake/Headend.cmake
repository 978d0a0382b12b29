# How this project builds a library, a tool and a fuzz target.

# Every target of ours links this: warnings, sanitizers, and includes from the repository's root.
add_library(headend_warnings INTERFACE)
target_include_directories(headend_warnings INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(headend_warnings INTERFACE -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow)
if(HEADEND_WERROR)
  target_compile_options(headend_warnings INTERFACE -Werror)
endif()
if(HEADEND_SANITIZE)
  target_compile_options(headend_warnings INTERFACE -fsanitize=${HEADEND_SANITIZE} -fno-omit-frame-pointer
                                                    -fno-sanitize-recover=all)
  target_link_options(headend_warnings INTERFACE -fsanitize=${HEADEND_SANITIZE})
endif()

# ccache accepts precompiled headers only when told that their defines and times may differ. Paths are taken relative to
# the source, so that another checkout finds what this one compiled.
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(headend_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  else()
    target_compile_options(headend_warnings INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
  endif()
endif()

# headend_library(NAME SOURCES a.cpp... [LIBS public...] [PRIVATE_LIBS private...])
function(headend_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS;PRIVATE_LIBS")
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC headend_warnings ${arg_LIBS} PRIVATE ${arg_PRIVATE_LIBS})
endfunction()

# headend_tool(NAME SOURCES main.cpp... [LIBS ...]): the program, its man page man/NAME.1, and the completions that the
# program itself prints, so that they cannot differ from its options.
function(headend_tool name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE headend_warnings headend_cli ${arg_LIBS})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES ${PROJECT_SOURCE_DIR}/man/${name}.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

  set(folder ${PROJECT_BINARY_DIR}/completions)
  set(bash_file ${folder}/bash/${name})
  set(zsh_file ${folder}/zsh/_${name})
  set(fish_file ${folder}/fish/${name}.fish)
  add_custom_command(
    OUTPUT ${bash_file} ${zsh_file} ${fish_file}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}/bash ${folder}/zsh ${folder}/fish
    COMMAND ${name} --completion bash > ${bash_file}
    COMMAND ${name} --completion zsh > ${zsh_file}
    COMMAND ${name} --completion fish > ${fish_file}
    DEPENDS ${name} COMMENT "Completions of ${name}" VERBATIM)
  add_custom_target(${name}_completions ALL DEPENDS ${bash_file} ${zsh_file} ${fish_file})
  install(FILES ${bash_file} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${zsh_file} DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
  install(FILES ${fish_file} DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
  set_property(GLOBAL APPEND PROPERTY HEADEND_TOOLS ${name})
endfunction()

# headend_fuzz(NAME SOURCES NAME.cpp... [LIBS ...]): a libFuzzer program, and a test that runs it for a moment.
function(headend_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  add_executable(${name} ${arg_SOURCES})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${name} PRIVATE headend_warnings ${arg_LIBS})
  add_test(NAME fuzz.${name} COMMAND ${name} -seed=1 -runs=50000 -max_total_time=10 -rss_limit_mb=1024)
  set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()

# The shared man pages and the service manager's units.
function(headend_install_documents)
  foreach(section 5 7)
    file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.${section})
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endforeach()
  file(GLOB units CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/scripts/systemd/*.service)
  install(FILES ${units} DESTINATION lib/systemd/system)
  install(FILES README.md NEWS.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
endfunction()
