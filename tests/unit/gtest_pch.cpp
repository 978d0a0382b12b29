// Carries the precompiled <gtest/gtest.h>.
