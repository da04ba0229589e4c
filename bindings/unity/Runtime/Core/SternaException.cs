using System;

namespace Sterna
{
    /// <summary>Something that was awaited did not work.</summary>
    public class SternaException : Exception
    {
        /// <summary>What was wrong.</summary>
        public SternaResult Status { get; private set; }

        /// <summary>With a text that says what was wrong in this case.</summary>
        public SternaException(SternaResult status, string message, Exception inner = null)
            : base(message, inner)
        {
            Status = status;
        }

        internal static SternaException Of(SternaResult status, string message)
        {
            return new SternaException(status, message.Length > 0 ? message : SternaLibrary.Describe(status));
        }
    }
}
