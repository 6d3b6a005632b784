# Main loops beside the blocking call: a program of its own.
if(SHMQ_URING)
  add_executable(shmq-bench-loops loops.c)
  target_include_directories(shmq-bench-loops PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
  target_compile_definitions(shmq-bench-loops PRIVATE _GNU_SOURCE)
  target_link_libraries(shmq-bench-loops PRIVATE shmq::uring uring PkgConfig::popt)
endif()
