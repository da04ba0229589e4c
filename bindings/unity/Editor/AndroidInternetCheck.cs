using UnityEditor;
using UnityEditor.Build;
using UnityEditor.Build.Reporting;
using UnityEngine;

namespace Sterna.Editor
{
    /// <summary>
    /// Warns when an app for Android is built that may lack the permission to use the network. Unity adds it by itself
    /// to development builds, and where scripts use its own networking; it does not see what a native library does.
    /// </summary>
    public sealed class AndroidInternetCheck : IPreprocessBuildWithReport
    {
        /// <summary>The order among others that Unity calls, which does not matter.</summary>
        public int callbackOrder
        {
            get { return 0; }
        }

        /// <summary>Called by Unity before it builds.</summary>
        public void OnPreprocessBuild(BuildReport report)
        {
            if (report.summary.platform == BuildTarget.Android && !PlayerSettings.Android.forceInternetPermission)
            {
                Debug.LogWarning(
                    "Sterna: this app may not be allowed to use the network: set Player Settings > Android > Other " +
                    "Settings > Internet Access to Require, or have the permission in a manifest of your own");
            }
        }
    }
}
