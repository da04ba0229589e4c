using System;
using System.Runtime.InteropServices;

namespace Sterna
{
    /// <summary>A value of a room's property. It comes back as it was set.</summary>
    public readonly struct SternaValue
    {
        /// <summary>Which of the others has it.</summary>
        public readonly SternaValueKind Kind;
        /// <summary>The integer.</summary>
        public readonly long Integer;
        /// <summary>The float.</summary>
        public readonly double Number;
        private readonly object data;

        /// <summary>No value.</summary>
        public static readonly SternaValue None = new SternaValue();

        private SternaValue(SternaValueKind kind, long integer, double number, object data)
        {
            Kind = kind;
            Integer = integer;
            Number = number;
            this.data = data;
        }

        /// <summary>The text; null if it is something else.</summary>
        public string Text
        {
            get { return data as string; }
        }

        /// <summary>The bytes; null if it is something else.</summary>
        public byte[] Bytes
        {
            get { return data as byte[]; }
        }

        /// <summary>Whether there is no value.</summary>
        public bool IsNone
        {
            get { return Kind == SternaValueKind.None; }
        }

        /// <summary>A signed integer of 64 bits.</summary>
        public static SternaValue Of(long integer)
        {
            return new SternaValue(SternaValueKind.Integer, integer, 0, null);
        }

        /// <summary>A float of 64 bits.</summary>
        public static SternaValue Of(double number)
        {
            return new SternaValue(SternaValueKind.Float, 0, number, null);
        }

        /// <summary>A text.</summary>
        public static SternaValue Of(string text)
        {
            if (text == null)
            {
                throw new ArgumentNullException("text");
            }
            return new SternaValue(SternaValueKind.Text, 0, 0, text);
        }

        /// <summary>Bytes, which are not copied before they are passed on.</summary>
        public static SternaValue Of(byte[] bytes)
        {
            if (bytes == null)
            {
                throw new ArgumentNullException("bytes");
            }
            return new SternaValue(SternaValueKind.Bytes, 0, 0, bytes);
        }

        /// <summary>The value as text, for logs.</summary>
        public override string ToString()
        {
            switch (Kind)
            {
                case SternaValueKind.None:
                    return "none";
                case SternaValueKind.Integer:
                    return Integer.ToString(System.Globalization.CultureInfo.InvariantCulture);
                case SternaValueKind.Float:
                    return Number.ToString("R", System.Globalization.CultureInfo.InvariantCulture);
                case SternaValueKind.Text:
                    return Text;
                case SternaValueKind.Bytes:
                    return Bytes.Length + " bytes";
                default:
                    return "a value of the unknown kind " + (uint)Kind;
            }
        }

        internal static unsafe SternaValue Read(NativeValue native)
        {
            var kind = (SternaValueKind)native.kind;
            object data = null;
            if (kind == SternaValueKind.Text)
            {
                data = NativeText.Read(native.data, (int)native.length);
            }
            else if (kind == SternaValueKind.Bytes)
            {
                var bytes = new byte[native.length];
                Marshal.Copy((IntPtr)native.data, bytes, 0, bytes.Length);
                data = bytes;
            }
            return new SternaValue(kind, native.integer, native.number, data);
        }
    }
}
