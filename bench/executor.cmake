# The executor beside Python's: a program of its own.
if(Python3_FOUND)
  add_executable(shmq-bench-executor executor.c)
  target_compile_definitions(shmq-bench-executor PRIVATE _GNU_SOURCE
    BENCH_PYTHON="${Python3_EXECUTABLE}"
    BENCH_EXECUTOR_SCRIPT="${CMAKE_CURRENT_SOURCE_DIR}/executor.py")
  target_link_libraries(shmq-bench-executor PRIVATE shmq::farm PkgConfig::popt PkgConfig::jansson)
endif()
