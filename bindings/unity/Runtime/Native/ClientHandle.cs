using System;
using System.Runtime.InteropServices;

namespace Sterna
{
    /// <summary>
    /// Owns a native client: it is destroyed once, when nobody uses it any more, also if the game forgets it or its
    /// domain is unloaded.
    /// </summary>
    /// <remarks>
    /// The pointer is a number that the library looks up, never an address, so a call on a client that is gone is
    /// answered with <see cref="SternaResult.InvalidHandle"/>. That is why only who reads the library's memory (see
    /// <see cref="SternaClient.Update"/>) must hold a reference meanwhile, and why calls need not.
    /// </remarks>
    internal sealed unsafe class ClientHandle : SafeHandle
    {
        internal ClientHandle(NativeClient* client) : base(IntPtr.Zero, true)
        {
            SetHandle((IntPtr)client);
        }

        public override bool IsInvalid
        {
            get { return handle == IntPtr.Zero; }
        }

        /// <summary>A number that no client has, aligned as they all are: calls with it are answered with InvalidHandle.
        /// </summary>
        internal static NativeClient* Nobody
        {
            get { return (NativeClient*)new IntPtr(-8); }
        }

        internal NativeClient* Client
        {
            get { return (NativeClient*)handle; }
        }

        protected override bool ReleaseHandle()
        {
            // InvalidHandle if the library was shut down before, which has destroyed it.
            NativeMethods.sterna_client_destroy((NativeClient*)handle);
            return true;
        }
    }
}
