using System;

namespace Sterna
{
    /// <summary>The native library as a whole.</summary>
    public static unsafe class SternaLibrary
    {
        private static bool checkedOnce;

        /// <summary>The library's version, like "0.1.0".</summary>
        public static string Version
        {
            get
            {
                Check();
                return NativeText.Read(NativeMethods.sterna_version());
            }
        }

        /// <summary>What a result means and what to do about it.</summary>
        public static string Describe(SternaResult result)
        {
            Check();
            return NativeText.Read(NativeMethods.sterna_result_string((uint)result));
        }

        /// <summary>
        /// Destroys whatever clients are left and ends the library's thread. For hosts that lose track of their
        /// clients, such as an editor that reloads its scripts, where this package calls it. Clients may be created
        /// again afterwards; those that were there answer <see cref="SternaResult.InvalidHandle"/>.
        /// </summary>
        public static SternaResult Shutdown()
        {
            Check();
            return NativeMethods.sterna_shutdown();
        }

        /// <summary>
        /// Makes sure, once, that the library is there and fits this code; nothing else may be called before.
        /// </summary>
        /// <exception cref="SternaException">It is missing, for another processor, or of another ABI.</exception>
        internal static void Check()
        {
            if (checkedOnce)
            {
                return;
            }
            uint found;
            try
            {
                found = NativeMethods.sterna_abi_version();
            }
            catch (DllNotFoundException error)
            {
                throw NotLoaded("is missing, or needs something that this system lacks", error);
            }
            catch (BadImageFormatException error)
            {
                throw NotLoaded("is for another processor or system", error);
            }
            catch (EntryPointNotFoundException error)
            {
                throw NotLoaded("is another library of the same name", error);
            }
            if (found != NativeMethods.ABI_VERSION)
            {
                throw new SternaException(
                    SternaResult.AbiMismatch,
                    "the native library has ABI " + found + ", this package was made for " + NativeMethods.ABI_VERSION +
                    ": take both from the same release");
            }
            checkedOnce = true;
        }

        /// <summary>
        /// Destroys what is left over from an earlier play, and has the library looked at anew. One that was not used
        /// is not loaded for it.
        /// </summary>
        internal static void ShutdownIfLoaded()
        {
            if (checkedOnce)
            {
                NativeMethods.sterna_shutdown();
                checkedOnce = false;
            }
        }

        private static SternaException NotLoaded(string why, Exception inner)
        {
            return new SternaException(
                SternaResult.System,
                "the native library (sterna.dll, libsterna.so or libsterna.dylib) " + why +
                ": see the package's folder Runtime/Plugins and the platforms ticked there: " + inner.Message,
                inner);
        }
    }
}
