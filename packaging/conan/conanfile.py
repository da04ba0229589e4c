"""Conan recipe: builds the library with cargo, from the repository that this file lies in.

    conan create packaging/conan                        # shared
    conan create packaging/conan -o 'sterna/*:shared=False'

Needs cargo, which is no package of Conan's.
"""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load


# What Rust calls the platforms of Conan's settings.
PLATFORMS = {
    ("Linux", "x86_64"): "x86_64-unknown-linux-gnu",
    ("Linux", "armv8"): "aarch64-unknown-linux-gnu",
    ("Windows", "x86_64"): "x86_64-pc-windows-msvc",
    ("Macos", "x86_64"): "x86_64-apple-darwin",
    ("Macos", "armv8"): "aarch64-apple-darwin",
    ("Android", "armv8"): "aarch64-linux-android",
    ("Android", "x86_64"): "x86_64-linux-android",
}


class SternaConan(ConanFile):
    name = "sterna"
    license = "MIT OR Apache-2.0"
    description = "Moves live players from one game server to another while they play: client library with a C ABI"
    topics = ("games", "networking", "migration")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": True}

    def set_version(self):
        manifest = load(self, os.path.join(self.recipe_folder, "..", "..", "Cargo.toml"))
        self.version = re.search(r'^version = "([0-9.]+)"', manifest, re.MULTILINE).group(1)

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..")
        # What cargo wants to see of the workspace, even if it builds one package of it.
        for pattern in (
            "Cargo.toml", "Cargo.lock", "build.rs", "cbindgen.toml", "LICENSE-*", "src/*", "include/*",
            "bindings/cpp/*", "benches/*", "tests/*.rs", "server/*", "model/*", "sim/*",
        ):
            copy(self, pattern, src=root, dst=self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def validate(self):
        if self._platform() is None:
            raise ConanInvalidConfiguration(f"sterna is not built for {self.settings.os} on {self.settings.arch}")

    def _platform(self):
        platform = PLATFORMS.get((str(self.settings.os), str(self.settings.arch)))
        if platform == "x86_64-pc-windows-msvc" and self.settings.compiler == "gcc":
            return "x86_64-pc-windows-gnu"
        return platform

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["STERNA_KINDS"] = "shared" if self.options.shared else "static"
        if self.settings_build.os != self.settings.os or self.settings_build.arch != self.settings.arch:
            toolchain.cache_variables["STERNA_TARGET"] = self._platform()
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure(build_script_folder="bindings/cpp")
        cmake.build()

    def package(self):
        copy(self, "LICENSE-*", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        CMake(self).install()

    def package_info(self):
        # The package's own files for CMake and pkg-config tell more than Conan could.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs.append(os.path.join("lib", "cmake", "sterna"))
        self.cpp_info.libs = ["sterna"]
        if not self.options.shared:
            self.cpp_info.defines = ["STERNA_STATIC"]
            if self.settings.os == "Linux":
                self.cpp_info.system_libs = ["gcc_s", "util", "rt", "pthread", "m", "dl", "c"]
            elif self.settings.os == "Windows":
                self.cpp_info.system_libs = ["ws2_32", "userenv", "ntdll", "bcrypt", "dbghelp"]
            elif self.settings.os == "Macos":
                self.cpp_info.frameworks = ["CoreFoundation", "Security"]
